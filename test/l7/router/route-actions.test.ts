import t from 'tap'
import { seededRandom } from '../../../src/core/random.ts'
import { compileRedirect, redirectError } from '../../../src/l7/router/redirect.ts'
import { regexRisk } from '../../../src/l7/router/regex-risk.ts'
import { compileRewrite, rewriteError } from '../../../src/l7/router/rewrite.ts'
import { Split } from '../../../src/l7/router/split.ts'

t.test('a split sends each pool its share', async (t) => {
  const split = new Split([
    { value: 'site', weight: 95 },
    { value: 'never', weight: 0 },
    { value: 'canary', weight: 5 }
  ])
  const random = seededRandom(1)
  const counts: Record<string, number> = {}
  for (let i = 0; i < 20_000; i++) {
    const pool = split.pick(random)
    counts[pool] = (counts[pool] ?? 0) + 1
  }
  t.ok(Math.abs(counts.canary! / 20_000 - 0.05) < 0.005, `canary ${counts.canary}`)
  t.equal(counts.never, undefined)
  t.equal(
    split.pick(() => 0),
    'site'
  )
  t.equal(
    split.pick(() => 0.999999),
    'canary'
  )
  t.throws(() => new Split([{ value: 1, weight: 0 }]), RangeError)
})

t.test('a prefix is stripped where a segment ends, and another put before', async (t) => {
  const strip = compileRewrite({ stripPrefix: '/api' })
  t.equal(strip('/api/x'), '/x')
  t.equal(strip('/api'), '/')
  t.equal(strip('/api/'), '/')
  t.equal(strip('/apix'), '/apix')
  t.equal(strip('*'), '*')
  t.equal(compileRewrite({ stripPrefix: '/api/' })('/api/x'), '/x')
  t.equal(compileRewrite({ addPrefix: '/v1/' })('/x'), '/v1/x')
  t.equal(compileRewrite({ addPrefix: '/v1' })('/'), '/v1/')
  t.equal(compileRewrite({ stripPrefix: '/a', addPrefix: '/b' })('/a/c'), '/b/c')
})

t.test('an expression rewrites the path, and what comes out is normal again', async (t) => {
  t.equal(compileRewrite({ path: { regex: '^/u/([^/]+)/(.*)$', to: '/$2/of/$1' } })('/u/ann/x'), '/x/of/ann')
  t.equal(compileRewrite({ path: { regex: '^/', to: '' } })('/x'), '/x', 'a slash is put back')
  t.equal(
    compileRewrite({ path: { regex: '^/a', to: '/' } })('/a../x'),
    undefined,
    '/../x climbs past the root'
  )
  t.equal(compileRewrite({ path: { regex: 'b', to: '/' } })('/ab/x'), '/a/x')
})

t.test('rewrites that cannot be meant are told', async (t) => {
  t.equal(rewriteError({ stripPrefix: '/a', addPrefix: '/b/', path: { regex: 'x', to: '/$1' } }), undefined)
  for (const bad of [
    { stripPrefix: 'a' },
    { addPrefix: '/../x' },
    { addPrefix: '/a b' },
    { path: { regex: '', to: '/a?b=c' } }
  ]) {
    t.type(rewriteError(bad), 'string', JSON.stringify(bad))
  }
})

t.test('a redirect fills in path, query and host', async (t) => {
  const facts = { host: 'example.com', path: '/a', query: 'b=c' }
  t.equal(compileRedirect('/new')(facts), '/new')
  t.equal(compileRedirect('https://{host}{path}{query}')(facts), 'https://example.com/a?b=c')
  t.equal(
    compileRedirect('https://{host}{path}{query}')({ host: '::1', path: '/', query: undefined }),
    'https://[::1]/'
  )
  t.equal(compileRedirect('/x{query}')({ ...facts, query: '' }), '/x?')
  t.equal(
    compileRedirect('/x{query}')({ ...facts, query: 'a=é\r\nSet-Cookie: x' }),
    '/x?a=%C3%A9%0D%0ASet-Cookie:%20x'
  )
})

t.test('redirects that lead nowhere are told', async (t) => {
  for (const good of ['/new', 'https://x/{path}', '{path}?x', 'http://{host}/', '?a=b'])
    t.equal(redirectError(good), undefined, good)
  for (const bad of ['', 'new', '/a b', '/é', '/{uri}', '/{', 'javascript:alert(1)', '/a\r\nb'])
    t.type(redirectError(bad), 'string', bad)
})

t.test('expressions that can take exponential time are pointed out', async (t) => {
  for (const bad of [
    '(a+)+$',
    '^/(\\w+\\s?)*$',
    '([a-z]*)*',
    '(a|a)*b',
    '(?:x+)*',
    '((ab)+c?)+',
    '(.|\\n)+x',
    '(a{2,})+',
    '(?<n>a*)+'
  ]) {
    t.type(regexRisk(bad), 'string', bad)
  }
  for (const good of [
    '^/brew/[0-9]+$',
    '\\.(png|jpg)$',
    '^/a/(b|c)*$',
    '^/(v[0-9]+)/x',
    '(a+)?b',
    '[(a+)+]',
    '\\(a+\\)+',
    '^/a{1,3}/(b+){2}',
    '',
    '(',
    ')'
  ]) {
    t.equal(regexRisk(good), undefined, good)
  }
})
