import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { rawTls } from '../../src/net/tls/raw-tls.ts'
import { httpOrigin, startLb, until } from '../e2e/servers.ts'
import { testCertificates, type TestCertificate } from '../net/certificates.ts'
import { startResponder, withResponder } from './responder.ts'

const run = promisify(execFile)
const pki = testCertificates()

/** What `openssl s_client -status` has heard of the certificate it was shown: `good 1002`, or `none`. */
async function stapled(port: number, name: string, ...args: string[]): Promise<string> {
  const asking = run('openssl', [
    ...['s_client', '-status', '-connect', `127.0.0.1:${port}`, '-servername', name],
    ...['-CAfile', pki.caFile, '-verify_return_error', ...args]
  ])
  asking.child.stdin!.end()
  const { stdout } = await asking
  if (/OCSP response: no response sent/.test(stdout)) return 'none'
  const status = /Cert Status: (\w+)/.exec(stdout)?.[1]
  return `${status} ${/Serial Number: (\w+)/.exec(stdout)?.[1]}`
}

const good = ({ serial }: { serial: string }): string => `good ${serial}`

t.test('certificates that want it are shown with their OCSP response', async (t) => {
  const responder = await startResponder(t, pki)
  const serialOf = async ({ files }: TestCertificate) => {
    const { stdout } = await run('openssl', ['x509', '-in', files.cert, '-noout', '-serial'])
    return { files, serial: stdout.trim().replace('serial=', '') }
  }
  const must = await serialOf(withResponder(pki, responder.url, { must: true, name: 'must.test' }))
  const ec = await serialOf(withResponder(pki, responder.url, { name: 'both.test' }))
  const rsa = await serialOf(withResponder(pki, responder.url, { name: 'both.test', key: 'rsa' }))
  const plain = withResponder(pki, responder.url, { name: 'plain.test' })
  const origin = await httpOrigin(t, 'web')
  const listener = (name: string, tls: object) => ({
    name,
    bind: '127.0.0.1:0',
    mode: 'l7',
    pool: 'web',
    tls
  })
  const lb = await startLb(t, {
    workers: 2,
    admin: { bind: '127.0.0.1:0' },
    listeners: [
      listener('web', { certificates: [must.files, plain.files] }),
      listener('lone', { certificates: [must.files], minVersion: 'TLSv1.3' }),
      listener('both', { certificates: [ec.files, rsa.files], ocsp: true }),
      listener('never', { certificates: [must.files], ocsp: false })
    ],
    pools: { web: { backends: [origin.address] } }
  })
  // What a certificate demands is there when it comes into force; the rest is fetched beside.
  t.equal(await stapled(lb.port('web'), 'must.test'), good(must))
  t.equal(await stapled(lb.port('lone'), 'must.test'), good(must))
  t.equal(await stapled(lb.port('web'), 'must.test', '-tls1_2'), good(must))
  t.equal(await stapled(lb.port('web'), 'plain.test'), 'none', 'this one was not asked for')
  t.equal(await stapled(lb.port('never'), 'must.test'), 'none')
  await until(
    () => lb.running.control.staples().filter(({ state }) => state === 'good').length === 3,
    'all responses are there'
  )
  await until(
    () => lb.lines.some(({ message }) => /listener both: certificates renewed/.test(message)),
    'in force'
  )
  t.equal(responder.asked, 3, 'never by a handshake')
  const metrics = lb.running.metrics()
  t.match(metrics, /lb_ocsp_staple_expiry_seconds\{file="[^"]+"\} 3\d{5}\n/)
  t.match(metrics, /lb_ocsp_requests_total\{result="ok"\} 3\n/)
  // Over sockets of Node's nobody says which of two certificates is shown: then nothing is stapled.
  if (rawTls === undefined) return
  const onlyRsa = ['-sigalgs', 'RSA-PSS+SHA256:RSA+SHA256']
  for (const version of ['-tls1_2', '-tls1_3']) {
    t.equal(await stapled(lb.port('both'), 'both.test', version), good(ec))
    t.equal(await stapled(lb.port('both'), 'both.test', version, ...onlyRsa), good(rsa))
  }
  t.equal(
    await stapled(lb.port('both'), 'both.test', '-tls1_2', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256'),
    good(rsa)
  )
})
