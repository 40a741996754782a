import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import t from 'tap'
import { FakeClock } from '../../fakes/fake-clock.ts'
import { memoryLogger } from '../../fakes/memory-logger.ts'
import { checkCertificate } from '../../../src/net/tls/certificates/check-certificate.ts'
import { CertificateWatch } from '../../../src/runtime/certificates/certificate-watch.ts'
import { httpOrigin, startLb, until } from '../../e2e/servers.ts'
import { testCertificates, type TestCertificate } from '../../net/certificates.ts'

const run = promisify(execFile)
const bin = join(import.meta.dirname, '../../../bin/lb.js')
const pki = testCertificates()
const DAY_MS = 86_400_000

/** The fingerprint of the certificate that is shown, or the error's code. */
async function shown(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', ca: pki.ca, servername: 'a.test' })
  try {
    await once(socket, 'secureConnect')
    return socket.getPeerCertificate().fingerprint256
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'error'
  } finally {
    socket.destroy()
  }
}

const fingerprint = ({ cert, key }: TestCertificate): string =>
  checkCertificate(cert, key, Date.now()).facts!.fingerprint

t.test('a changed certificate is in use within a second and under load, and a bad one is not', async (t) => {
  const folder = t.testdir({})
  const files = { cert: join(folder, 'a.crt'), key: join(folder, 'a.key') }
  const put = ({ files: from }: TestCertificate): void => {
    copyFileSync(from.cert, files.cert)
    copyFileSync(from.key, files.key)
  }
  const generations = Array.from({ length: 6 }, () => pki.leaf('a.test'))
  put(generations[0]!)
  const origin = await httpOrigin(t, 'web')
  const lb = await startLb(t, {
    workers: 2,
    listeners: [
      { name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web', tls: { certificates: [files] } },
      { name: 'folder', bind: '127.0.0.1:0', mode: 'l7', pool: 'web', tls: { certificates: { dir: folder } } }
    ],
    pools: { web: { backends: [origin.address] } }
  })
  const seen = new Map<string, number>()
  let stop = false
  const load = Array.from({ length: 3 }, async () => {
    while (!stop) {
      const what = await shown(lb.port('web'))
      seen.set(what, (seen.get(what) ?? 0) + 1)
    }
  })
  for (const each of generations.slice(1)) {
    const began = Date.now()
    put(each)
    const wanted = fingerprint(each)
    let now = ''
    while (now !== wanted && Date.now() - began < 20_000) now = await shown(lb.port('folder'))
    t.equal(now, wanted)
    t.equal(await shown(lb.port('web')), wanted)
    // A second on a machine that has time; here other tests run beside it.
    t.ok(Date.now() - began < 10_000, `${Date.now() - began} ms`)
  }

  t.test('a key that does not fit, an expired certificate and garbage are refused', async (t) => {
    const good = await shown(lb.port('web'))
    const refusals = () => lb.lines.filter(({ message }) => message.startsWith('reload refused'))
    const refused = async (write: () => void, words: RegExp): Promise<void> => {
      const before = refusals().length
      write()
      await until(() => refusals().length > before, 'refused')
      t.match(refusals().at(-1)!.message, words)
      t.equal(await shown(lb.port('web')), good)
    }
    const other = pki.leaf('a.test')
    await refused(
      () => copyFileSync(other.files.key, files.key),
      /certificates\[0\]\.key\).*a\.key: the key does not fit/
    )
    const old = pki.issue({ san: 'DNS:a.test', from: '20200101000000Z', until: '20210101000000Z' })
    await refused(() => put(old), /certificates\[0\]\.cert\).*expired on 2021-01-01/)
    await refused(() => writeFileSync(files.cert, 'garbage'), /no certificate in PEM form/)
    put(other)
    await until(() => lb.lines.at(-1)!.message.includes('certificates renewed'), 'taken')
    t.equal(await shown(lb.port('web')), fingerprint(other))
  })

  t.test('no handshake failed', async (t) => {
    stop = true
    await Promise.all(load)
    t.ok([...seen.values()].reduce((a, b) => a + b) > 20)
    t.same(
      [...seen.keys()].filter((key) => !key.includes(':')),
      []
    )
    t.match(
      lb.running.metrics(),
      /lb_tls_certificate_expiry_seconds\{listener="web",file="[^"]+a\.crt"\} 25\d{5}\n/
    )
  })
})

t.test('the log says how long a certificate is still valid, at 21, 7 and 1 days, once each', async (t) => {
  const clock = new FakeClock()
  const log = memoryLogger('debug')
  const watch = new CertificateWatch(clock, log)
  const { cert, key } = pki.leaf('a.test')
  const checked = checkCertificate(cert, key, Date.now())
  const facts = { ...checked.facts!, notAfter: clock.wall() + 30 * DAY_MS + 1 }
  const held = {
    ...{ listener: 'web', file: 'a.crt', keyFile: 'a.key', cert, ocsp: undefined },
    checked: { ...checked, facts }
  }
  watch.hold([held])
  t.same(
    log.lines.filter(({ level }) => level !== 'debug'),
    []
  )
  for (let hour = 0; hour < 32 * 24; hour++) {
    clock.advance(3_600_000)
    if (hour === 300) watch.hold([held])
  }
  t.same(
    log.lines.filter(({ level }) => level !== 'debug').map(({ level, message }) => `${level} ${message}`),
    [
      'warn certificate a.crt expires in 20 days',
      'warn certificate a.crt expires in 6 days',
      'error certificate a.crt expires in less than a day',
      'error certificate a.crt has expired'
    ]
  )
  watch.close()
})

t.test('lb check opens the files, says the days left, and shows where a wrong one is named', async (t) => {
  const good = pki.leaf('a.test')
  const other = pki.leaf('b.test')
  const yaml = (cert: string, key: string, more = ''): string =>
    `listeners:\n  - bind: ":8443"\n    mode: l7\n    pool: web\n    tls:\n      certificates:\n        - cert: ${cert}\n          key: ${key}\n${more}pools: { web: { backends: ["127.0.0.1:1"] } }\n`
  const folder = t.testdir({})
  const check = async (text: string): Promise<string> => {
    const file = join(folder, 'lb.yaml')
    writeFileSync(file, text)
    try {
      return (await run(process.execPath, [bin, 'check', file])).stdout
    } catch (error) {
      return (error as { stderr: string }).stderr
    }
  }
  const { cert, key } = good.files
  t.match(await check(yaml(cert, key)), /ok \(.*\n {2}listener l7-8443: .*: 29 days left \(a\.test\)/)
  t.match(
    await check(yaml(cert, other.files.key)),
    /lb\.yaml:8:16: error: .*the key does not fit the certificate/
  )
  t.match(await check(yaml('/no/such.crt', key)), /lb\.yaml:7:17: error: \/no\/such\.crt: no such file/)
  const auth = `      clientAuth: { ca: ${key} }\n`
  t.match(
    await check(yaml(cert, key, auth)),
    /lb\.yaml:9:25: error: .*holds a private key and no certificate/
  )
})
