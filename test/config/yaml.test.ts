import t from 'tap'
import { ConfigError } from '../../src/config/report/config-error.ts'
import { formatProblems } from '../../src/config/report/format-problems.ts'
import { parseConfig } from '../../src/config/parse-config.ts'

const head = 'listeners: [{ bind: ":8080", mode: l7, pool: web }]\n'

function messages(text: string, env = {}): string {
  const result = parseConfig(text, { file: 'lb.yaml', env })
  return formatProblems(result.ok ? result.warnings : result.problems)
}

t.test('anchors, aliases and merge keys are resolved', async (t) => {
  const result = parseConfig(
    `${head}pools:
  web: &base
    backends: &list ["10.0.0.1:80", "10.0.0.2:80"]
    slowStart: 30s
    queue: { max: 5 }
  other:
    <<: *base
    slowStart: 10s
  third:
    <<: [{ slowStart: 1s }, *base]
    backends: *list
`,
    { env: {} }
  )
  if (!result.ok) throw new ConfigError(result.problems)
  const { other, third } = result.config.pools
  t.equal(other!.slowStartMs, 10_000)
  t.equal(other!.queue.max, 5)
  t.equal(other!.backends.length, 2)
  t.equal(third!.slowStartMs, 1000)
})

t.test('what is wrong behind an anchor is said once, however often it is used', async (t) => {
  const listener = (port: number, tls: string) =>
    `  - { bind: ":${port}", mode: l7, pool: web, tls: ${tls} }\n`
  const said = messages(
    `listeners:\n${listener(1, '&tls { selfSigned: true, certificats: [] }')}${listener(2, '*tls')}${listener(3, '{ <<: *tls }')}` +
      'pools: { web: { backends: ["10.0.0.1:80"] } }\n'
  )
  t.equal(said.match(/unknown key "certificats"/g)?.length, 1, said)
  const other = messages('listeners: [{ bind: ":1", mod: l7 }, { bind: ":2", mod: l7 }]\n')
  t.equal(other.match(/unknown key "mod"/g)?.length, 2, 'the same fault in two places is said twice')
})

t.test('an error in a merged mapping is reported where it is written', async (t) => {
  const text = `x: &x { weight: heavy, address: "10.0.0.1:80" }\n`
  t.match(
    messages(`pools: { web: { backends: [{ <<: &x { weight: heavy }, address: "10.0.0.1:80" }] } }\n${head}`),
    /lb\.yaml:1:47: error: expected a whole number/
  )
  t.match(messages(text + head), /unknown key "x"/)
})

t.test('a bomb of aliases is refused quickly', async (t) => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
  for (let i = 1; i < 12; i++)
    lines.push(
      `a${i}: &a${i} [${Array(9)
        .fill(`*a${i - 1}`)
        .join(', ')}]`
    )
  const began = performance.now()
  t.match(messages(lines.join('\n')), /aliases make over 200000 values/)
  t.ok(performance.now() - began < 3000)
})

t.test('an alias to itself is refused', async (t) => {
  t.match(messages('a: &a [*a]\n'), /the alias "\*a" contains itself/)
  t.match(messages('a: &a { <<: *a }\n'), /contains itself/)
})

t.test('deep nesting is refused, whatever it is made of', async (t) => {
  for (const text of [
    '['.repeat(20_000),
    '{a: '.repeat(5000),
    '- '.repeat(20_000),
    'a:\n' + [...Array(300).keys()].map((i) => `${' '.repeat(i + 1)}a:\n`).join('')
  ]) {
    t.match(
      messages(text),
      /error: (?:nested|not valid YAML|a colon|between|a value is nested)/,
      text.slice(0, 10)
    )
  }
  t.match(messages(`user: ${'['.repeat(40)}${']'.repeat(40)}\n`), /nested over 32 levels deep/)
})

t.test('keys that are numbers or lists are distinguished from names', async (t) => {
  t.match(messages(`${head}1: x\n`), /unknown key "1"/)
  t.match(messages(`${head}? [a, b]\n: x\n`), /a key must be a plain word/)
  t.match(messages(`${head}user: a\n"user": b\n`), /3:1: error: duplicate key "user"/)
})

t.test('a prototype cannot be reached by any key', async (t) => {
  for (const key of ['constructor', 'toString', 'hasOwnProperty']) {
    t.match(messages(`${head}${key}: {}\n`), new RegExp(`unknown key "${key}"`))
    t.match(messages(head.replace('web', key)), new RegExp(`there is no pool "${key}"`))
  }
  t.match(
    messages(`${head}pools: { __proto__: { backends: ["10.0.0.1:80"] } }\n`),
    /"__proto__" is not allowed/
  )
  t.equal(({} as Record<string, unknown>)['backends'], undefined)
})

t.test('what a variable holds stays one value', async (t) => {
  const env = { USER_NAME: 'nobody\npools: {}', W: '3', TOKEN: '007', HALF: '1.5' }
  t.match(messages(`${head}user: \${USER_NAME}\n`, env), /control characters and line breaks/)
  const text = `${head}pools: { web: { backends: [{ address: "10.0.0.1:80", weight: "\${W}" }] } }\nadmin: { bind: "127.0.0.1:0", token: "\${TOKEN}" }\n`
  const result = parseConfig(text, { env })
  if (!result.ok) throw new ConfigError(result.problems)
  t.equal(result.config.pools['web']!.backends[0]!.weight, 3)
  t.equal(result.config.admin!.token, '007')
  t.match(
    messages(text.replace('${W}', '${HALF}'), env),
    /expected a whole number from 1 to 1000, got "1\.5" \(from \$\{HALF\}\)/
  )
})

t.test('every error is reported at once, sorted, and bounded', async (t) => {
  const text = `pools:
  web: { backends: ["10.0.0.1"], slowStrt: 3s }
  spare: { backends: ["10.0.0.1:80"] }
listeners:
  - { bind: ":80", mode: l7, pool: wbe }
  - { bind: "0.0.0.0:80", mode: l9 }
workers: many
`
  const result = parseConfig(text, { file: 'lb.yaml', env: {} })
  t.notOk(result.ok)
  if (result.ok) return
  t.same(
    result.problems.map((problem) => `${problem.line} ${problem.severity} ${problem.message.slice(0, 22)}`),
    [
      '2 error "10.0.0.1" has no port',
      '2 error unknown key "slowStrt"',
      '5 error there is no pool "wbe"',
      '6 error 0.0.0.0:80 is already ',
      '6 error expected one of l4, l7',
      '7 error expected auto, or a wh'
    ]
  )
  const many = `${head}pools:\n${[...Array(3000).keys()].map((i) => `  p${i}: { backend: [] }`).join('\n')}\n`
  const printed = messages(many)
  t.match(printed, /… and 950 more$/)
})

t.test('top-level keys that begin with x- are places for anchors', async (t) => {
  const text =
    'x-web: &web { backends: ["10.0.0.1:80"] }\nlisteners: { bind: ":80", mode: l7, pool: web }\npools: { web: *web }\n'
  t.match(parseConfig(text, { file: 'lb.yaml' }), { ok: true, warnings: [] })
})
