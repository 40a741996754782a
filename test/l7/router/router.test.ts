import fc from 'fast-check'
import t from 'tap'
import type { RouteMatch } from '../../../src/config/model/model.ts'
import { failedCondition } from '../../../src/l7/router/explain-match.ts'
import { literalPrefix } from '../../../src/l7/router/literal-prefix.ts'
import { UNKNOWN_LENGTH } from '../../../src/l7/message/body-length.ts'
import type { MatchInput } from '../../../src/l7/router/match-input.ts'
import { Router } from '../../../src/l7/router/router.ts'
import { matchInput, routeMatch, type RequestFacts } from './match-fixtures.ts'

function router(...matches: Partial<RouteMatch>[]): (facts?: RequestFacts) => number | undefined {
  const compiled = new Router(matches.map((match, value) => ({ match: routeMatch(match), value })))
  return (facts) => compiled.match(matchInput(facts))
}

t.test('a match without conditions takes everything, and no routes take nothing', async (t) => {
  t.equal(router({})(), 0)
  t.equal(router({})({ path: '*', method: 'OPTIONS', host: '' }), 0)
  t.equal(router()(), undefined)
})

t.test('the first route that matches wins, whatever is more specific', async (t) => {
  const route = router({ pathPrefix: '/a' }, { path: '/a/b' }, { host: ['example.com'] }, {})
  t.equal(route({ path: '/a/b' }), 0)
  t.equal(route({ path: '/x' }), 2)
  t.equal(route({ path: '/x', host: 'other' }), 3)
})

t.test('hosts are exact names or wildcards for any subdomain', async (t) => {
  const route = router(
    { host: ['example.com', 'WWW.example.org'] },
    { host: ['*.example.com'] },
    { host: ['[::1]'] }
  )
  t.equal(route({ host: 'example.com' }), 0)
  t.equal(route({ host: 'www.example.org' }), 0)
  t.equal(route({ host: 'a.example.com' }), 1)
  t.equal(route({ host: 'a.b.example.com' }), 1)
  t.equal(route({ host: '::1' }), 2)
  for (const host of ['', 'com', 'example.org', 'xexample.com', '.example.com', 'example.com.evil']) {
    t.equal(route({ host }), undefined, host)
  }
})

t.test('a prefix ends where a segment ends', async (t) => {
  const route = router({ pathPrefix: '/api' }, { pathPrefix: '/site/' })
  t.equal(route({ path: '/api' }), 0)
  t.equal(route({ path: '/api/' }), 0)
  t.equal(route({ path: '/api/x/y' }), 0)
  t.equal(route({ path: '/apix' }), undefined)
  t.equal(route({ path: '/site/' }), 1)
  t.equal(route({ path: '/site/x' }), 1)
  t.equal(route({ path: '/site' }), undefined)
  t.equal(router({ pathPrefix: '/' })({ path: '/x' }), 0)
  t.equal(router({ pathPrefix: '/' })({ path: '*' }), undefined)
})

t.test('an exact path is that path, written in any equivalent way', async (t) => {
  const route = router({ path: '/%7euser/./x' }, { path: '/a/' })
  t.equal(route({ path: '/~user/x' }), 0)
  t.equal(route({ path: '/~user/x/' }), undefined)
  t.equal(route({ path: '/a/' }), 1)
  t.equal(route({ path: '/a' }), undefined)
})

t.test('a regular expression is tried wherever it could match', async (t) => {
  const route = router(
    { pathRegex: '^/brew/[0-9]+$' },
    { pathRegex: '^/a/?$' },
    { pathRegex: '\\.png$' },
    { pathRegex: '^/x/|^/y/' },
    { pathRegex: '^\\/v1\\.0\\/' }
  )
  t.equal(route({ path: '/brew/12' }), 0)
  t.equal(route({ path: '/brew/x' }), undefined)
  t.equal(route({ path: '/a' }), 1)
  t.equal(route({ path: '/a/' }), 1)
  t.equal(route({ path: '/deep/er.png' }), 2)
  t.equal(route({ path: '/y/z' }), 3)
  t.equal(route({ path: '/v1.0/z' }), 4)
  t.equal(route({ path: '/v1x0/z' }), undefined)
})

t.test('the literal prefix of an expression is what all its matches begin with', async (t) => {
  const cases: [string, string | undefined][] = [
    ['^/brew/[0-9]+$', '/brew/'],
    ['^/a/b', '/a/'],
    ['^/a/?x', undefined],
    ['^/a/b*', '/a/'],
    ['^/a/+b', '/a/'],
    ['^/a/{0,1}', undefined],
    ['/a/', undefined],
    ['^/a/|b', undefined],
    ['^/(a)/', undefined],
    ['^\\/a\\.b\\/c', '/a.b/'],
    ['^/a/\\d', '/a/'],
    ['^/a/\\', '/a/'],
    ['^a/b/', undefined],
    ['^/', undefined],
    ['^/a/.*/b/', '/a/'],
    ['^', undefined]
  ]
  for (const [source, prefix] of cases) t.equal(literalPrefix(source), prefix, source)
})

t.test('all conditions of a route must hold', async (t) => {
  const route = router({
    host: ['example.com'],
    pathPrefix: '/api',
    pathRegex: 'x$',
    methods: ['GET', 'POST'],
    headers: { 'x-version': '2', 'x-any': '*' },
    query: { beta: '*', v: '1 0' },
    clientIp: ['192.0.2.0/24']
  })
  const good: RequestFacts = {
    path: '/api/x',
    headers: { 'x-version': '2', 'x-any': '' },
    query: 'v=1+0&beta'
  }
  t.equal(route(good), 0)
  const bads: RequestFacts[] = [
    { method: 'PUT' },
    { path: '/api/y' },
    { path: '/apx' },
    { host: 'x' },
    { clientIp: '198.51.100.1' },
    { clientIp: '' },
    { query: 'v=1+0' },
    { query: 'beta&v=2' },
    { headers: { 'x-version': '2' } },
    { headers: { 'x-version': '2, 3', 'x-any': 'y' } }
  ]
  for (const bad of bads) {
    t.equal(route({ ...good, ...bad }), undefined, JSON.stringify(bad))
  }
})

t.test('a path next to a prefix that excludes it never matches', async (t) => {
  const route = router({ path: '/a', pathPrefix: '/b' }, { path: '/a', pathPrefix: '/a' })
  t.equal(route({ path: '/a' }), 1)
})

t.test('many hosts in a row are routed alike', async (t) => {
  const route = router({ host: ['*.example.com'] }, {})
  for (let i = 0; i < 3000; i++) {
    if (route({ host: `h${i}.example.com` }) !== 0 || route({ host: `h${i}` }) !== 1) t.fail(`h${i}`)
  }
  t.equal(route({ host: 'h1.example.com' }), 0)
})

t.test('cookies, the size of the body, any and not', async (t) => {
  const cookies = router({ cookies: { beta: '1', seen: '*' } })
  t.equal(cookies({ headers: { cookie: 'a=b; beta=1; seen=' } }), 0)
  for (const cookie of [
    'beta=1',
    'beta=2; seen=x',
    'xbeta=1; seen=x',
    'beta=1; beta=2; seen=x',
    'seen=beta=1'
  ])
    t.equal(cookies({ headers: { cookie } }), undefined, cookie)
  t.equal(cookies(), undefined)

  const body = router({ body: { over: 100, under: 200 } }, { body: { under: 100 } }, { body: { over: 200 } })
  for (const [bodyLength, place] of [
    [0, 1],
    [99, 1],
    [100, undefined],
    [101, 0],
    [199, 0],
    [200, undefined],
    [201, 2],
    [UNKNOWN_LENGTH, 2]
  ] as const)
    t.equal(body({ bodyLength }), place, `${bodyLength}`)

  const either = router({
    pathPrefix: '/a',
    any: [routeMatch({ host: ['x.com'], methods: ['PUT'] }), routeMatch({ pathPrefix: '/a/b' })],
    not: [
      routeMatch({ path: '/a/b/c' }),
      routeMatch({ headers: { 'x-bot': '*' }, clientIp: ['192.0.2.0/24'] })
    ]
  })
  t.equal(either({ path: '/a', host: 'x.com', method: 'PUT' }), 0)
  t.equal(either({ path: '/a', host: 'x.com' }), undefined)
  t.equal(either({ path: '/a/b' }), 0)
  t.equal(either({ path: '/a/b/c' }), undefined)
  t.equal(either({ path: '/a/b', headers: { 'x-bot': '' } }), undefined)
  t.equal(either({ path: '/a/b', headers: { 'x-bot': '' }, clientIp: '198.51.100.1' }), 0)
  t.equal(failedCondition(routeMatch({ not: [routeMatch({ path: '/' })] }), matchInput()), 'not')
})

t.test('expressions are found in values of fields, cookies and parameters', async (t) => {
  const mobile = router({ headers: { 'user-agent': { regex: 'Mobile|Android' } } })
  t.equal(mobile({ headers: { 'user-agent': 'Mozilla/5.0 (Linux; Android 14)' } }), 0)
  t.equal(mobile({ headers: { 'user-agent': 'curl/8' } }), undefined)
  t.equal(mobile(), undefined)
  const canary = router({
    cookies: { group: { regex: '^(?:beta|canary)$' } },
    query: { v: { regex: '^[23]' } }
  })
  t.equal(canary({ headers: { cookie: 'a=b; group=canary' }, query: 'v=2.1' }), 0)
  t.equal(canary({ headers: { cookie: 'group=canary2' }, query: 'v=2.1' }), undefined)
  t.equal(canary({ headers: { cookie: 'group=beta' }, query: 'v=12' }), undefined)
  t.equal(canary({ headers: { cookie: 'group=beta; group=none' }, query: 'v=2' }), undefined, 'twice')
  const empty = router({ headers: { 'x-a': { regex: '^$' } } })
  t.equal(empty({ headers: { 'x-a': '' } }), 0)
  t.equal(empty(), undefined, 'a field that is not there has no value')
})

const hostName = fc.constantFrom('a.com', 'b.com', 'x.a.com', 'y.x.a.com', 'com', '')
const pattern = fc.constantFrom('a.com', 'b.com', 'x.a.com', '*.a.com', '*.com', '*.x.a.com', '*')
const path = fc
  .array(fc.constantFrom('a', 'b', 'api', ''), { maxLength: 4 })
  .map((segments) => '/' + segments.join('/').replace(/\/\/+/g, '/').replace(/^\//, ''))
const regex = fc.constantFrom('^/a/', '^/a/b?', 'b$', '^/api/a|^/b/', '^/b/[ab]+$')
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined, freq: 2 })
const conditions = {
  host: fc.array(pattern, { maxLength: 2 }),
  path: maybe(path),
  pathPrefix: maybe(path),
  pathRegex: maybe(regex),
  methods: fc.subarray(['GET', 'POST']),
  headers: fc.constantFrom<RouteMatch['headers']>({}, { h: '1' }, { h: '*' }, { h: { regex: '[23]' } }),
  cookies: maybe(fc.constantFrom<RouteMatch['headers']>({ c: '1' }, { c: '*' }, { c: { regex: '^[13]$' } })),
  body: maybe(fc.constantFrom({ over: 10 }, { under: 10 }, { over: 5, under: 15 }))
}
const given = (match: object): RouteMatch =>
  routeMatch(Object.fromEntries(Object.entries(match).filter(([, value]) => value !== undefined)))
const partMatch = fc.record(conditions).map(given)
const parts = maybe(fc.array(partMatch, { minLength: 1, maxLength: 2 }))
const anyMatch = fc.record({ ...conditions, any: parts, not: parts }).map(given)

/** The rules of `any`, `not`, `cookies` and `body`, written once more, and differently. */
function holds(match: RouteMatch, input: MatchInput): boolean {
  const { any = [], not = [], cookies = {}, body, ...rest } = match
  const { over = -1, under = Infinity } = body ?? {}
  const length = input.bodyLength < 0 ? Number.MAX_VALUE : input.bodyLength
  const sent = new Map(
    (input.headers.getJoined('cookie') ?? '').split('; ').map((pair) => pair.split('=') as [string, string])
  )
  return (
    failedCondition(rest, input) === undefined &&
    Object.entries(cookies).every(
      ([name, value]) =>
        sent.has(name) &&
        (typeof value === 'string'
          ? value === '*' || sent.get(name) === value
          : new RegExp(value.regex).test(sent.get(name)!))
    ) &&
    length > over &&
    length < under &&
    (any.length === 0 || any.some((part) => holds(part, input))) &&
    !not.some((part) => holds(part, input))
  )
}
const request: fc.Arbitrary<MatchInput> = fc
  .record({
    host: hostName,
    path: fc.oneof(path, fc.constant('*')),
    method: fc.constantFrom('GET', 'POST', 'PUT'),
    headers: fc.constantFrom<Record<string, string>>(
      {},
      { h: '1' },
      { h: '2' },
      { cookie: 'c=1' },
      { cookie: 'c=2', h: '1' }
    ),
    bodyLength: fc.constantFrom(0, 7, 10, 12, 20, -1)
  })
  .map(matchInput)

t.test('the index finds what trying the routes one after the other finds', async (t) => {
  fc.assert(
    fc.property(
      fc.array(anyMatch, { maxLength: 12 }),
      fc.array(request, { minLength: 5, maxLength: 5 }),
      (matches, inputs) => {
        const compiled = new Router(matches.map((match, value) => ({ match, value })))
        return inputs.every((input) => {
          const expected = matches.findIndex((match) => holds(match, input))
          if (matches.some((match) => (failedCondition(match, input) === undefined) !== holds(match, input)))
            return false
          return (compiled.match(input) ?? -1) === expected
        })
      }
    ),
    { numRuns: 5000 }
  )
  t.pass('25,000 requests')
})
