import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseConfig } from '../../src/config/parse-config.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import {
  configTestFindings,
  expectation,
  runConfigTests
} from '../../src/runtime/control/check/config-tests.ts'
import { lb } from './lb.ts'

const bin = join(import.meta.dirname, '../../bin/lb.js')

const example = join(import.meta.dirname, '../../examples/tests.yaml')

t.test('lb test passes what is as the tests say', async (t) => {
  const { code, stdout } = await lb('test', example)
  t.equal(code, 0)
  t.match(stdout, /[1-9]\d* passed, 0 failed/)
})

t.test('lb test and lb check report a difference with its line', async (t) => {
  const broken = readFileSync(example, 'utf8')
    .replace("forwards: '/users?id=1'", "forwards: '/api/users?id=1'")
    .replace('X-Env: prod, X-Debug: false', 'X-Env: test, X-Debug: false')
    .replace('pool: site }', 'pool: api }')
  const file = join(t.testdir({ 'lb.yaml': broken }), 'lb.yaml')
  const tested = await lb('test', file)
  t.equal(tested.code, 2)
  t.match(tested.stdout, /lb\.yaml:\d+:\d+: forwards\n {4}- \/api\/users\?id=1\n {4}\+ \/users\?id=1/)
  t.match(tested.stdout, /X-Env\n {4}- "test"\n {4}\+ "prod"/)
  t.match(tested.stdout, /passed, \d failed/)
  const checked = await lb('check', file)
  t.equal(checked.code, 2)
  t.match(checked.stderr, /expects forwards \/api\/users\?id=1, got \/users\?id=1/)
})

t.test('a thousand tests run in a second', async (t) => {
  const text =
    readFileSync(example, 'utf8') +
    Array.from(
      { length: 1_000 },
      (_, i) =>
        `  - { request: { url: 'http://example.com/api/${i}' }, expect: { route: api, forwards: '/${i}' } }\n`
    ).join('')
  const result = parseConfig(text)
  if (!result.ok) throw new Error('no configuration')
  const began = process.cpuUsage()
  const failed = runConfigTests(result.config).filter(({ differences }) => differences.length > 0)
  t.strictSame(failed, [])
  const { user, system } = process.cpuUsage(began)
  t.ok(user + system < 1_000_000, `${Math.round((user + system) / 1000)} ms`)
})

t.test('a request that no listener is for is a failing test, not a crash', async (t) => {
  const result = parseConfig(
    'listeners: [{ bind: "127.0.0.1:5432", mode: l4, pool: db }]\npools: { db: { backends: ["127.0.0.1:1"] } }\ntests: [{ request: { url: "http://a/" }, expect: { route: a } }]'
  )
  if (!result.ok) throw new Error('no configuration')
  t.match(runConfigTests(result.config)[0]!.differences[0]!.got, /no L7 listener/)
})

t.test('a test that expects nothing is a mistake, and a request that no route gets says why', async (t) => {
  const web = 'listeners: [{ bind: "127.0.0.1:80", mode: l7, routes: [{ respond: { body: a } }] }]\n'
  const empty = parseConfig(`${web}tests: [{ request: { url: "http://a/" }, expect: {} }]`)
  t.match(empty, { ok: false, problems: [{ message: /nothing is expected, so nothing is tested/, line: 2 }] })
  const result = parseConfig(`${web}tests: [{ request: { url: "http://a/x#part" }, expect: { route: a } }]`)
  if (!result.ok) throw new Error('no configuration')
  t.match(runConfigTests(result.config)[0]!.differences[0]!.got, /^none \(400 LB_BAD_REQUEST: /)
})

t.test('several files, one of them from standard input', async (t) => {
  const { stdout, code } = await lb('test', example, example)
  t.equal(stdout.match(/\d+ passed, 0 failed/g)?.length, 2)
  t.equal(code, 0)
  const { stdout: read, status } = spawnSync(process.execPath, [bin, 'test', '-'], { input: readFileSync(example), encoding: 'utf8' }) // prettier-ignore
  t.match([status, read], [0, /^-: [1-9]\d* passed, 0 failed/])
})

t.test('a client may show a certificate', async (t) => {
  const told = (certificate: string, expected: string) => {
    const result = parseConfig(`
listeners:
  - bind: 127.0.0.1:443
    mode: l7
    tls: { selfSigned: true, clientAuth: { ca: ca.pem, required: false } }
    routes:
      - { name: ops, match: { clientCert: ['*,O=Ops'] }, pool: web }
      - name: web
        auth: [{ clientCert: { subjects: { CN=alice: [admin] }, names: { 'URI:spiffe://a/b': [robot] }, fingerprints: { '${'ab'.repeat(32)}': [pinned] } } }]
        identity: { header: x-user, roles: x-roles }
        pool: web
pools: { web: { backends: ['127.0.0.1:1'] } }
tests: [{ request: { url: 'https://a/'${certificate && `, certificate: ${certificate}`} }, expect: ${expected} }]
`)
    if (!result.ok) throw new Error(JSON.stringify(result.problems))
    return runConfigTests(result.config)[0]!.differences.map(({ got }) => got)
  } // prettier-ignore
  t.strictSame(told('', '{ route: web, status: 401 }'), [])
  t.strictSame(told('{ subject: "CN=bob" }', '{ route: web, status: 401 }'), [])
  const fitting = {
    '{ subject: "CN=alice, O=Example" }': 'alice: admin',
    '{ subject: "OU=x + CN=alice" }': 'alice: admin',
    '{ names: "URI:spiffe://a/b" }': ': robot',
    [`{ fingerprint: "${'AB'.repeat(32)}", subject: CN=b }`]: 'b: pinned'
  }
  for (const [certificate, who] of Object.entries(fitting)) {
    const [name, roles] = who.split(': ')
    const wanted = name === '' ? `x-roles: ${roles}` : `x-user: ${name}, x-roles: ${roles}`
    t.strictSame(told(certificate, `{ route: web, pool: web, sends: { ${wanted} } }`), [], certificate)
  }
  t.strictSame(told('{ subject: "CN=bob,O=Ops" }', '{ route: ops }'), [])
  t.strictSame(told("{ subject: 'CN=bob\\,O=Ops' }", '{ route: web, status: 401 }'), [])
  const without = parseConfig(
    'listeners: [{ bind: "127.0.0.1:443", mode: l7, tls: { selfSigned: true }, routes: [{ respond: { body: a } }] }]\ntests: [{ request: { url: "https://a/", certificate: { subject: CN=a } }, expect: { status: 200 } }]'
  )
  if (!without.ok) throw new Error('no configuration')
  t.match(
    runConfigTests(without.config)[0]!.differences[0]!.got,
    /asks for no certificate \(tls\.clientAuth\)/
  )
})

t.test('a note that is not said is called a note', (t) => {
  const result = parseConfig(
    'listeners: [{ bind: "127.0.0.1:80", mode: l7, routes: [{ respond: { body: a } }] }]\ntests: [{ request: { url: "http://a/" }, expect: { notes: nothing } }]'
  )
  if (!result.ok) throw new Error('no configuration')
  t.match(configTestFindings(result.config), [{ message: /expects notes nothing, got no notes/ }])
  t.end()
})

t.test('what lb answers itself, or does not read at all, reaches no pool', async (t) => {
  const file = join(
    t.testdir({
      'closed.ts': `import { answer, definePlugin } from 'fourseven/plugin'
export default definePlugin({ name: 'closed', before: 'csrf', request: (exchange) =>
  exchange.path === '/shut' ? answer(exchange, { status: 451, body: 'no' }) : undefined })`,
      'lb.yaml': JSON.stringify({
        plugins: ['./closed.ts'],
        listeners: {
          ...{ name: 'web', bind: ':8080', mode: 'l7', deny: ['192.0.2.0/24'] },
          cors: { origins: 'https://app.example' },
          routes: [
            { name: 'old', match: { host: 'old.example' }, redirect: { to: '/new' } },
            { name: 'rest', match: {}, pool: 'web' }
          ]
        },
        pools: { web: { backends: ['127.0.0.1:1'] } },
        tests: [
          { request: { url: 'http://a.example/shut' }, expect: { pool: 'web', forwards: '/shut' } },
          { request: { url: 'http://old.example/shut' }, expect: { pool: 'web', location: '/new' } },
          {
            request: {
              url: 'http://a.example/',
              method: 'OPTIONS',
              headers: { Origin: 'https://app.example', 'Access-Control-Request-Method': 'GET' }
            },
            expect: { pool: 'web' }
          },
          {
            request: { url: 'http://a.example/', client: '192.0.2.1' },
            expect: { route: 'rest', pool: 'web', status: 403, forwards: '/' }
          },
          {
            request: { url: 'http://a.example/', headers: { 'X-Empty': '' } },
            expect: { sends: { 'X-Empty': false } }
          },
          {
            request: { url: 'http://a.example/', headers: { 'X-Empty': '' } },
            expect: { sends: { 'X-Empty': '' } }
          }
        ]
      })
    }),
    'lb.yaml'
  )
  const loaded = await loadConfig(file, {})
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  const got = runConfigTests(loaded.config).map(({ differences }) =>
    differences.map((each) => `${expectation(each)} ${each.got}`)
  )
  const itself = 'none (lb answers itself, with 451)'
  const shut = 'none (192.0.2.1 is refused: it is in deny)'
  t.strictSame(got, [
    [`pool ${itself}`, `forwards ${itself}`],
    ['pool none', 'location none'],
    ['pool none (lb answers itself, with 204)'],
    [`route ${shut}`, `pool ${shut}`, `status ${shut}`, `forwards ${shut}`],
    ['X-Empty ""'],
    []
  ])
})
