import { unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { httpOrigin, startLb, until } from '../../e2e/servers.ts'
import { fingerprint, shownAt } from './swaps/shown.ts'
import { testCertificates, type TestCertificate } from '../../net/certificates.ts'

const pki = testCertificates()

const shown = (port: number, servername = 'a.test') => shownAt(port, pki.ca, servername)

t.test(
  'one file that is wrong or gone keeps no other from being renewed, nor backends that are found',
  async (t) => {
    const dir = t.testdir({ 'found.json': '[]' })
    const at = (name: string) => join(dir, name)
    const put = (name: string, { cert, key }: TestCertificate): void => {
      writeFileSync(at(`${name}.key`), key)
      writeFileSync(at(`${name}.crt`), cert)
    }
    const found = (...ports: number[]): void =>
      writeFileSync(at('found.json'), JSON.stringify(ports.map((port) => `127.0.0.1:${port}`)))
    const pair = (name: string) => ({ cert: at(`${name}.crt`), key: at(`${name}.key`) })
    const [one, two] = [await httpOrigin(t, 'one'), await httpOrigin(t, 'two')]
    for (const name of ['a', 'b']) put(name, pki.leaf(`${name}.test`))
    writeFileSync(at('ca.pem'), pki.ca)
    found(Number(one.address.split(':')[1]))
    const yaml = {
      workers: 1,
      listeners: [
        {
          ...{
            name: 'web',
            bind: '127.0.0.1:0',
            mode: 'l7',
            routes: [{ match: { path: '/m' }, pool: 'mutual' }, { pool: 'web' }]
          },
          tls: {
            certificates: [pair('a'), pair('b')],
            clientAuth: { ca: at('ca.pem'), required: false }
          }
        }
      ],
      pools: {
        web: { discover: { file: at('found.json') } },
        mutual: { backends: ['127.0.0.1:1'], tls: { ca: at('ca.pem') } }
      }
    }
    const lb = await startLb(t, yaml)
    const told = (words: RegExp): number => lb.lines.filter(({ message }) => words.test(message)).length
    const renewed = async (): Promise<void> => {
      const next = pki.leaf('a.test')
      put('a', next)
      let now = ''
      const end = Date.now() + 20_000
      while (now !== fingerprint(next) && Date.now() < end) now = await shown(lb.port('web'))
      t.equal(now, fingerprint(next))
    }
    const before = await shown(lb.port('web'), 'b.test')
    writeFileSync(at('b.crt'), 'garbage')
    await until(
      () => told(/b\.crt: no certificate in PEM form; what was read before stays in use$/) === 1,
      'told'
    )
    await renewed()
    unlinkSync(at('b.crt'))
    writeFileSync(at('ca.pem'), 'garbage')
    await until(() => told(/b\.crt: no such file; what was read before stays/) === 1, 'missing')
    await until(
      () => told(/ca\.pem: .*; what was read before stays/) === 2,
      'of the listener and of the pool'
    )
    await renewed()
    t.equal(await shown(lb.port('web'), 'b.test'), before, 'still there')

    t.test('backends that are found', async () => {
      found(Number(two.address.split(':')[1]))
      const seen = () =>
        lb.running.pools
          .get('web')!
          .backends.map(({ name }) => name)
          .join()
      await until(() => seen() === two.address, 'in force')
    })

    t.test('but an operator who reloads is told', async (t) => {
      const { errors } = (await lb.apply(yaml)) as { errors?: readonly string[] }
      t.match(errors, [/b\.crt: no such file/])
    })

    t.test('and it is in use once it is right', async (t) => {
      writeFileSync(at('ca.pem'), pki.ca)
      const next = pki.leaf('b.test')
      put('b', next)
      await until(() => told(/files that were wrong are right, and in use/) === 3, 'right')
      await until(() => told(/certificates renewed/) > 2, 'in force')
      t.equal(await shown(lb.port('web'), 'b.test'), fingerprint(next))
    })
  }
)
