import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseConfig } from '../../src/config/parse-config.ts'
import { configTestFindings, runConfigTests } from '../../src/runtime/control/check/config-tests.ts'
import { lb } from './lb.ts'

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
    'listeners: [{ bind: "127.0.0.1:5432", mode: l4, pool: db }]\npools: { db: { backends: ["127.0.0.1:1"] } }\ntests: [{ request: { url: "http://a/" }, expect: {} }]'
  )
  if (!result.ok) throw new Error('no configuration')
  t.match(runConfigTests(result.config)[0]!.differences[0]!.got, /no L7 listener/)
})

t.test('a note that is not said is called a note', (t) => {
  const result = parseConfig(
    'listeners: [{ bind: "127.0.0.1:80", mode: l7, routes: [{ respond: { body: a } }] }]\ntests: [{ request: { url: "http://a/" }, expect: { notes: nothing } }]'
  )
  if (!result.ok) throw new Error('no configuration')
  t.match(configTestFindings(result.config), [{ message: /expects notes nothing, got no notes/ }])
  t.end()
})
