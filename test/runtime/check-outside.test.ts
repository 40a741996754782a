import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
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

t.test('lb check reads files of credentials, and looks at what stands where a socket is to be', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lb-check-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  // As `htpasswd -d` and `-s` write them, which nginx takes.
  writeFileSync(
    join(folder, 'htpasswd'),
    `alice:$apr1$8sFt66rZ$2q7bQvbDmZcAqLqyQ2gQ41\nbob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n`
  )
  writeFileSync(join(folder, 'keys'), 'alice\n')
  writeFileSync(join(folder, 'jwks.json'), 'secret-that-is-not-json')
  const jwt = { issuer: 'https://idp.example', audience: 'a', jwks: `file:${folder}/jwks.json` }
  const listeners = [
    { auth: [{ basic: { users: `file:${folder}/htpasswd` } }] },
    { auth: [{ apiKeys: { keys: `file:${folder}/keys` } }] },
    { auth: [{ jwt }] },
    { bind: `unix:${folder}` },
    { bind: `unix:${folder}/keys` }
  ].map((each, at) => ({ name: `l${at}`, bind: '127.0.0.1:0', mode: 'l7', pool: 'p', ...each }))
  const result = configFromObject({ listeners, pools: { p: { backends: ['127.0.0.1:1'] } } })
  if (!result.ok) return void t.fail(JSON.stringify(result.problems))
  const { findings } = await checkOutside(result.config)
  const errors = findings.filter(({ severity }) => severity === 'error')
  t.match(errors, [
    { path: ['listeners', 3, 'bind', 0], message: /there is a folder; name a file in it/ },
    { path: ['listeners', 4, 'bind', 0], message: /a file with that name, and it is not a socket/ },
    { path: ['listeners', 0, 'auth'], message: /htpasswd: line 2: / },
    { path: ['listeners', 1, 'auth'], message: /keys: line 1: / },
    { path: ['listeners', 2, 'auth'], message: /jwks\.json: not JSON$/ }
  ])
  t.equal(errors.length, 5)
  t.notMatch(JSON.stringify(errors), /secret-that|W6ph5/, 'what is in them is not repeated')
})

t.test(
  'lb check warns of a unix socket that a program listens on',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'lb-check-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    const server = createServer().listen(join(folder, 'live.sock'))
    await once(server, 'listening')
    t.teardown(() => server.close())
    const binds = ['live', 'free'].map((name) => `unix:${folder}/${name}.sock`)
    const listeners = [{ bind: binds, mode: 'l7', pool: 'p' }]
    const result = configFromObject({ listeners, pools: { p: { backends: ['127.0.0.1:1'] } } })
    if (!result.ok) return void t.fail(JSON.stringify(result.problems))
    const { findings } = await checkOutside(result.config)
    t.match(findings, [
      { severity: 'warning', path: ['listeners', 0, 'bind', 0], message: /live\.sock: the address is in use/ }
    ])
    t.equal(findings.length, 1)
  }
)

t.test('lb check warns of sockets and files that pools name and that are not there', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lb-check-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'file'), 'x')
  const pools = {
    app: { backends: [`unix:${folder}/none.sock`, `unix:${folder}/file`] },
    docker: { discover: { docker: { label: 'lb.pool=web', socket: `${folder}/docker.sock` } } },
    cluster: { discover: { kubernetes: { service: 'web', kubeconfig: `${folder}/kubeconfig` } } },
    list: { discover: { file: `${folder}/list.yaml` } }
  }
  const listeners = Object.keys(pools).map((pool) => ({ name: pool, bind: '127.0.0.1:0', mode: 'l7', pool }))
  const result = configFromObject({ listeners, pools })
  if (!result.ok) return void t.fail(JSON.stringify(result.problems))
  const { findings } = await checkOutside(result.config)
  t.match(findings, [
    { path: ['pools', 'app', 'backends', 0], message: /there is no socket .*none\.sock: no such file/ },
    { path: ['pools', 'app', 'backends', 1], message: /is not a socket/ },
    { path: ['pools', 'docker', 'discover', 'docker'], message: /there is no socket .*docker\.sock/ },
    {
      path: ['pools', 'cluster', 'discover', 'kubernetes'],
      message: /cannot read .*kubeconfig: no such file/
    },
    { path: ['pools', 'list', 'discover', 'file'], message: /cannot read .*list\.yaml: no such file/ }
  ])
  t.ok(
    findings.every(({ severity }) => severity === 'warning'),
    'lb waits for them'
  )
})
