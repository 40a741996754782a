import { execFile } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

const run = promisify(execFile)
const bin = join(import.meta.dirname, '../../bin/lb.js')

t.test('lb dev-cert makes an authority once, and certificates that it has signed', async (t) => {
  const folder = join(t.testdir({}), 'made')
  const make = async (...names: string[]): Promise<string> =>
    (await run(process.execPath, [bin, 'dev-cert', ...names, '--dir', folder])).stdout
  const first = await make()
  t.match(
    first,
    /certificate for localhost, [\s\S]*cert: .*dev\.crt, key: .*dev\.key[\s\S]*update-ca-certificates/
  )
  const ca = readFileSync(join(folder, 'ca.crt'), 'utf8')
  const verify = async (): Promise<string> => {
    const at = (name: string) => join(folder, name)
    const args = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', at('ca.crt'), at('dev.crt')]
    return (await run('openssl', args)).stdout
  }
  t.match(await verify(), /dev\.crt: OK/)
  t.match(
    await make('app.test', '10.0.0.1'),
    /certificate for app\.test, 10\.0\.0\.1[\s\S]*existing authority/
  )
  t.match(await verify(), /dev\.crt: OK/)
  t.equal(readFileSync(join(folder, 'ca.crt'), 'utf8'), ca)
  for (const name of ['ca.key', 'dev.key']) t.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name)
})
