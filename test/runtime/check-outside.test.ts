import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { testCertificates } from '../net/certificates.ts'
import { configFromObject } from '../../src/config/parse-config.ts'
import { checkOutside } from '../../src/runtime/control/check/check-outside.ts'

t.test('lb check says which file of credentials cannot be read', async (t) => {
  const auth = [{ apiKeys: { keys: 'file:/nowhere/keys' } }]
  const listener = {
    name: 'web',
    bind: '127.0.0.1:0',
    mode: 'l7',
    routes: [{ match: {}, pool: 'web', auth }]
  }
  const result = configFromObject({ listeners: [listener], pools: { web: { backends: ['127.0.0.1:1'] } } })
  if (!result.ok) return void t.fail(JSON.stringify(result.problems))
  const { findings } = await checkOutside(result.config)
  t.match(findings, [{ path: ['listeners', 0, 'routes', 0, 'auth'], message: /cannot read \/nowhere\/keys/ }])
})

t.test('lb check says which ciphers, revocations and accounts a start would stop at', async (t) => {
  const { files } = testCertificates().leaf('localhost')
  const folder = mkdtempSync(join(tmpdir(), 'lb-check-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'damaged.pem'), 'nonsense')
  const listeners = [
    { tls: { certificates: [files], ciphers: 'nonsense' } },
    { tls: { certificates: [files], clientAuth: { ca: files.cert, crl: `${folder}/damaged.pem` } } },
    { bind: `unix:${folder}/lb.sock`, socket: { group: 'no-such-group' } },
    { tls: { certificates: [files], ciphers: 'ECDHE+AESGCM' } }
  ].map((each, at) => ({ name: `l${at}`, bind: '127.0.0.1:0', mode: 'l4', pool: 'p', ...each }))
  const result = configFromObject({ listeners, pools: { p: { backends: ['127.0.0.1:1'] } } })
  if (!result.ok) return void t.fail(JSON.stringify(result.problems))
  const { findings } = await checkOutside(result.config)
  const errors = findings.filter(({ severity }) => severity === 'error')
  t.equal(errors.length, 3)
  t.match(errors, [
    { path: ['listeners', 0, 'tls', 'ciphers'], message: /nonsense: OpenSSL knows none of these/ },
    { path: ['listeners', 1, 'tls', 'clientAuth', 'crl'], message: /holds no revocation list/ },
    { path: ['listeners', 2, 'socket'], message: /group no-such-group does not exist/ }
  ])
})
