import fc from 'fast-check'
import t from 'tap'
import { covers } from '../../src/config/checks/routes/hidden-routes.ts'
import { formatProblems } from '../../src/config/report/format-problems.ts'
import type { RouteMatch, ValueMatch } from '../../src/config/model/model.ts'
import { parseConfig } from '../../src/config/parse-config.ts'

function check(text: string): string {
  const result = parseConfig(text, { file: 'lb.yaml', env: {} })
  return `${result.ok ? 'ok' : 'refused'}\n${formatProblems(result.ok ? result.warnings : result.problems)}`
}

const pools = 'pools: { web: { backends: ["10.0.0.1:80"] } }\n'
const l7 = (rest: string): string => `listeners:\n  - bind: ":80"\n    mode: l7\n${rest}${pools}`

t.test('what is not used is a warning', async (t) => {
  const output = check(
    `listeners: [{ bind: ":80", mode: l4, pool: a }]\npools:\n  a: { backends: ["10.0.0.1:80"] }\n  b: { backends: ["10.0.0.1:80"] }\ncaches: { main: {} }\n`
  )
  t.match(output, /^ok\nlb\.yaml:4:3: warning: pool "b" is not used/)
  t.match(output, /5:11: warning: cache "main" is not used/)
})

t.test('a route that an earlier one hides is a warning', async (t) => {
  const routes = (list: string): string => check(l7(`    routes:\n${list}`))
  t.match(
    routes('      - { name: all, pool: web }\n      - { name: api, match: { path: /api }, pool: web }\n'),
    /^ok\nlb\.yaml:6:9: warning: route "api" is never reached: "all" before it takes all it matches/
  )
  t.match(
    routes(
      '      - { match: { pathPrefix: /a }, pool: web }\n      - { match: { pathPrefix: /ab }, pool: web }\n'
    ),
    /^ok\n$/
  )
  t.match(
    routes(
      '      - { match: { host: "*.x.example" }, pool: web }\n      - { match: { host: [a.x.example, b.x.example], methods: GET }, pool: web }\n'
    ),
    /never reached/
  )
  t.match(
    routes(
      '      - { match: { headers: { a: "1" } }, pool: web }\n      - { match: { headers: { A: "2" } }, pool: web }\n'
    ),
    /^ok\n$/
  )
})

t.test('covers never claims a route that something could still reach', async (t) => {
  const host = fc.constantFrom('a.example', 'b.a.example', '*.a.example', '*.example', 'example')
  const path = fc.constantFrom('/', '/a', '/a/', '/a/b', '/ab', '/b')
  const match = fc.record<RouteMatch>(
    {
      host: fc.uniqueArray(host, { maxLength: 2 }),
      path,
      pathPrefix: path,
      pathRegex: fc.constantFrom('^/a', 'b$', '^/a/b$'),
      methods: fc.uniqueArray(fc.constantFrom('GET', 'POST'), { maxLength: 2 }),
      headers: fc.dictionary(
        fc.constantFrom('x', 'y'),
        fc.constantFrom<ValueMatch>('1', '2', '*', { regex: '[12]' }, { regex: '^1$' })
      ),
      query: fc.constant({}),
      clientIp: fc.constant([])
    },
    { requiredKeys: ['host', 'methods', 'headers', 'query', 'clientIp'] }
  )
  const request = fc.record({
    host: fc.constantFrom('a.example', 'b.a.example', 'c.b.a.example', 'x.example', 'example'),
    path: fc.constantFrom('/', '/a', '/a/', '/a/b', '/ab', '/b', '/a/c', '/b/c'),
    method: fc.constantFrom('GET', 'POST', 'PUT'),
    headers: fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom('1', '2', '3'))
  })
  const holds = (
    m: RouteMatch,
    r: { host: string; path: string; method: string; headers: Record<string, string> }
  ): boolean =>
    (m.host.length === 0 ||
      m.host.some((h) => (h.startsWith('*.') ? r.host.endsWith(h.slice(1)) : h === r.host))) &&
    (m.path === undefined || m.path === r.path) &&
    (m.pathPrefix === undefined ||
      r.path === m.pathPrefix ||
      r.path.startsWith(m.pathPrefix.replace(/\/?$/, '/'))) &&
    (m.pathRegex === undefined || new RegExp(m.pathRegex).test(r.path)) &&
    (m.methods.length === 0 || m.methods.includes(r.method)) &&
    Object.entries(m.headers).every(
      ([k, v]) =>
        r.headers[k] !== undefined &&
        (typeof v === 'string' ? v === '*' || v === r.headers[k] : new RegExp(v.regex).test(r.headers[k]))
    )
  let claimed = 0
  fc.assert(
    fc.property(match, match, fc.array(request, { minLength: 20, maxLength: 20 }), (a, b, requests) => {
      if (!covers(a, b)) return true
      claimed++
      return requests.every((r) => !holds(b, r) || holds(a, r))
    }),
    { numRuns: 3000, seed: 7 }
  )
  t.ok(claimed > 20, `${claimed} pairs were claimed`)
})

t.test('addresses collide with their wildcard, and families do not', async (t) => {
  const two = (a: string, b: string): string =>
    check(
      `listeners:\n  - { bind: "${a}", mode: l4, pool: web }\n  - { bind: "${b}", mode: l4, pool: web }\n${pools}`
    )
  for (const [a, b] of [
    [':80', '127.0.0.1:80'],
    ['127.0.0.1:80', '*:80'],
    ['[::1]:80', '[::]:80'],
    ['unix:/a', 'unix:/a'],
    ['localhost:80', '127.0.0.1:80']
  ] as const) {
    t.match(
      two(a, b),
      /^refused\nlb\.yaml:3:13: error: .* is already taken by listeners\[0\]\.bind/,
      `${a} ${b}`
    )
  }
  for (const [a, b] of [
    ['0.0.0.0:80', '[::]:80'],
    ['127.0.0.1:80', '127.0.0.2:80'],
    [':80', ':81'],
    [':0', ':0'],
    ['unix:/a', 'unix:/b']
  ] as const) {
    t.match(two(a, b), /^ok/, `${a} ${b}`)
  }
  // As DNS has it: one port for datagrams and for connections.
  const dns = (protocol: string) =>
    `listeners:\n  - { bind: ":53", mode: l4, protocol: udp, pool: web }\n  - { name: other, bind: ":53", mode: l4, protocol: ${protocol}, pool: web }\n${pools}`
  t.match(check(dns('tcp')), /^ok/)
  t.match(check(dns('udp')), /already taken by listeners\[0\]\.bind/)
  t.match(
    check(`listeners: [{ bind: [":80", ":80"], mode: l4, pool: web }]\n${pools}`),
    /1:29: error: .*listeners\[0\]\.bind\[0\]/
  )
  t.match(
    check(`listeners: [{ bind: ":80", mode: l4, pool: web }]\nadmin: { bind: "127.0.0.1:80" }\n${pools}`),
    /2:16: error: .*taken by listeners/
  )
})

t.test('names are unique where commands use them', async (t) => {
  t.match(
    check(l7('    routes: [{ name: a, match: { path: /a }, pool: web }, { name: a, pool: web }]\n')),
    /route "a" is already at listeners\[0\]\.routes\[0\]\.name/
  )
  t.match(
    check(
      `listeners: [{ bind: ":80", mode: l4, pool: web }]\npools: { web: { backends: ["10.0.0.1:80", { address: "10.0.0.1:80" }] } }\n`
    ),
    /backend "10\.0\.0\.1:80" is already at pools\.web\.backends\[0\]/
  )
  t.match(
    check(
      `listeners: [{ bind: ":80", mode: l4, sni: [{ host: a.example, pool: web }, { host: A.example, pool: web }] }]\n${pools}`
    ),
    /sni host "a\.example" is already/
  )
})

t.test('keys that exclude or need each other are reported', async (t) => {
  const table: [string, RegExp][] = [
    [
      l7('    routes: [{ match: { path: /a, pathPrefix: /a }, pool: web }]\n'),
      /"pathPrefix" adds nothing beside "path"/
    ],
    [
      l7('    routes: [{ respond: {}, retry: { attempts: 1 } }]\n'),
      /"retry" is ignored by a route with "respond"/
    ],
    [l7('    routes: [{ split: [{ pool: web, weight: 0 }] }]\n'), /every weight is 0/],
    [l7('    routes: [{ pool: web, rewrite: {} }]\n'), /give it "stripPrefix", "addPrefix" or "path"/],
    [l7('    routes: [{ redirect: { to: "{nowhere}" } }]\n'), /not a placeholder/],
    [
      l7('    routes: [{ redirect: { to: example.com } }]\n'),
      /did you mean "\/example\.com" or "https:\/\/example\.com"/
    ],
    [l7('    pool: web\n    connectionLimit: {}\n'), /give it "perClient" or "rate"/],
    [l7('    pool: web\n    sni: []\n'), /"sni" is a key of `mode: l4` only/],
    [
      `listeners: [{ bind: ":80", mode: l4, pool: web, tls: {} }]\n${pools}`,
      /missing key "certificates".*`selfSigned: true`/
    ],
    [
      `listeners: [{ bind: ":80", mode: l4, pool: web, tls: { selfSigned: true }, sni: [{ host: a.b, pool: web }] }]\n${pools}`,
      /Take one out/
    ],
    [
      'listeners: [{ bind: ":80", mode: l4, pool: web }]\npools: { web: { backends: ["10.0.0.1:80"], tls: { cert: a } } }\n',
      /"cert" needs "key" beside it/
    ],
    [
      'listeners: [{ bind: ":80", mode: l4, pool: web }]\npools: { web: { backends: ["10.0.0.1:80"], sticky: { cookie: a, sameSite: none } } }\n',
      /needs `secure: true`/
    ],
    [
      'listeners: [{ bind: ":80", mode: l4, pool: web }]\npools: { web: { backends: ["10.0.0.1:80"], hash: { key: path } } }\n',
      /"hash" is used by/
    ],
    [
      `listeners: [{ bind: ":80", mode: l4, pool: web }]\nadmin: { bind: ["127.0.0.1:1", "[::]:2"], token: "\${NOPE:-}" }\n${pools}`,
      /2:32: error: \[::\]:2 is reached from other machines/
    ]
  ]
  for (const [text, says] of table) t.match(check(text), says)
  t.match(
    check(
      `listeners: [{ bind: ":80", mode: l4, pool: web }]\nadmin: { bind: [":1"], token: "\${T:-secret}" }\n${pools}`
    ),
    /^ok/
  )
})

t.test('a pool of backups and unchecked certificates are warnings', async (t) => {
  const pool = (rest: string): string =>
    check(
      `listeners: [{ bind: ":80", mode: l4, pool: web }]\npools: { web: { backends: [{ address: "10.0.0.1:80", backup: true }]${rest} } }\n`
    )
  t.match(pool(''), /^ok\n.*warning: every backend is a backup/)
  t.match(pool(', tls: { verify: false }'), /warning: the backends' certificates are not checked/)
})

t.test('what a pool says for the other mode is a warning', async (t) => {
  const pool = (mode: string, rest: string): string =>
    check(
      `listeners: [{ bind: ":80", mode: ${mode}, pool: web }]\npools: { web: { backends: ["10.0.0.1:80"]${rest} } }\n`
    )
  t.match(
    pool('l4', ', sticky: { cookie: a }'),
    /^ok\n.*warning: "sticky" has no effect: only listeners of mode l4/
  )
  t.match(pool('l7', ', sticky: { cookie: a }'), /^ok\n$/)
  t.match(pool('l7', ', onDown: close'), /^ok\n.*"onDown" has no effect without `health`/)
  t.match(pool('l7', ', onDown: close, health: { type: tcp }'), /^ok\n$/)
  t.match(pool('l7', ', onDown: keep'), /^ok\n$/)
  for (const keys of [', onUp: close-backups', ', onRemoved: close']) {
    const key = /on\w+/.exec(keys)![0]
    t.match(
      pool('l7', keys),
      new RegExp(`^ok\\n.*"${key}" has no effect: only listeners of mode l7 lead here`)
    )
  }
  t.match(pool('l4', ', onUp: close-backups'), /^ok\n.*"onUp" has no effect: no backend has `backup: true`/)
  t.match(pool('l4', ', onRemoved: close'), /^ok\n$/)
  t.match(
    check(
      'listeners: [{ bind: ":80", mode: l4, pool: db }]\npools: { db: { backends: ["10.0.0.1:80", { address: "10.0.0.2:80", backup: true }], onUp: close-backups } }\n'
    ),
    /^ok\n$/
  )
  t.match(pool('l4', ', algorithm: hash, hash: { key: path }'), /^ok\n.*a connection of mode l4 has no path/)
  t.match(
    pool('l4', ', algorithm: maglev, hash: { boundedLoad: 1.2 }'),
    /^refused\n.*"boundedLoad" is ignored/
  )
})

t.test('an expression that can run for minutes is a warning', async (t) => {
  const output = check(
    l7(
      '    routes: [{ match: { pathRegex: "^(a+)+$" }, pool: web }, { match: { path: /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa! }, pool: web }]\n'
    )
  )
  t.match(output, /^ok\nlb\.yaml:4:36: warning: .*exponential time/)
  t.notMatch(output, /never reached/)
})

t.test('a match within any or not must have a condition', async (t) => {
  const text = `listeners:
  - bind: :80
    mode: l7
    routes:
      - { match: { any: [{}, { path: /a }] }, respond: { status: 200 } }
      - { match: { not: {} }, respond: { status: 200 } }
      - { match: { not: { pth: /a } }, respond: { status: 200 } }
      - { match: { not: [{ path: /b, not: { path: /a } }] }, respond: { status: 200 } }
`
  const result = parseConfig(text)
  const said = result.ok ? [] : result.problems.map(({ line, message }) => `${line} ${message}`)
  t.match(said, [
    /^5 this matches every request, so that "any" says nothing/,
    /^6 this matches every request, so that the route matches nothing/,
    /^7 unknown key "pth"; did you mean "path"/,
    /^8 .*"not"/
  ])
})

t.test('a route is hidden only by one that takes all that it matches', async (t) => {
  const match = (more: object) => ({ host: [], methods: [], headers: {}, query: {}, clientIp: [], ...more })
  const not = { not: [match({ path: '/a' })] }
  t.ok(covers(match({}), match(not)))
  t.notOk(covers(match(not), match({})))
  t.ok(covers(match(not), match(not)))
  t.notOk(covers(match({ body: { over: 1 } }), match({})))
  t.notOk(covers(match({ cookies: { a: '1' } }), match({ cookies: { a: '*' } })))
  t.ok(covers(match({ cookies: { a: '*' } }), match({ cookies: { a: '1' } })))
})

t.test('groups in a redirect are those of its expression, and never in the name of the host', async (t) => {
  const redirect = (match: string, to: string): string =>
    check(
      `listeners:\n  - bind: ":80"\n    mode: l7\n    routes:\n      - { match: { ${match} }, redirect: { to: '${to}' } }\n`
    )
  t.match(redirect(`pathRegex: '^/a/(.*)$'`, '/b/$1'), /^ok\n$/)
  t.match(redirect(`pathRegex: '^/a/(.*)$'`, 'https://b.example/$1'), /^ok\n$/)
  t.match(redirect('pathPrefix: /a', '/b/$1'), /5:54: error: "\$1" is a group of the route's `match/)
  t.match(redirect(`pathRegex: '^/a/(.*)$'`, '/$1/$2'), /which has no more than \$1/)
  t.match(redirect(`pathRegex: '^/a/'`, '/b/$1'), /which has no group; put round brackets/)
  t.match(redirect(`pathRegex: '^/a(.*)$'`, 'https://b.example$1'), /clients could choose another one/)
  t.match(redirect(`pathRegex: '^/a$'`, '{path}{query}'), /warning: the client is sent to the address/)
})
