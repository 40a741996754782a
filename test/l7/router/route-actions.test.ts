import t from 'tap'
import { seededRandom } from '../../../src/core/random.ts'
import { compileRedirect, type RedirectFacts } from '../../../src/l7/router/redirect.ts'
import type { PlaceholderFacts } from '../../../src/l7/headers/placeholders.ts'
import { compileRewrite } from '../../../src/l7/router/rewrite.ts'
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

const nobody: PlaceholderFacts = { clientIp: '192.0.2.1', requestId: 'r1', host: 'example.com:8080', scheme: 'https', identity: { name: 'a b&c' }, tls: undefined } // prettier-ignore
const redirectOf = (to: string) => (facts: RedirectFacts) => compileRedirect(to)(facts, nobody)

t.test('a redirect fills in path, query and host', async (t) => {
  const facts = { host: 'example.com', path: '/a', query: 'b=c' }
  t.equal(redirectOf('/new')(facts), '/new')
  t.equal(redirectOf('https://{host}{path}{query}')(facts), 'https://example.com/a?b=c')
  t.equal(
    redirectOf('https://{host}{path}{query}')({ host: '::1', path: '/', query: undefined }),
    'https://[::1]/'
  )
  t.equal(
    redirectOf('/login?id={requestId}&who={identity}&{tls.version}')(facts),
    '/login?id=r1&who=a%20b%26c&'
  )
  t.equal(redirectOf('/x{query}')({ ...facts, query: '' }), '/x?')
  t.equal(
    redirectOf('/x{query}')({ ...facts, query: 'a=é\r\nSet-Cookie: x' }),
    '/x?a=%C3%A9%0D%0ASet-Cookie:%20x'
  )
})

t.test('a redirect to the host of a request without one is none, and of OPTIONS * has no path', async (t) => {
  const none = { host: '', path: '/a', query: undefined }
  t.equal(redirectOf('https://{host}{path}{query}')(none), undefined)
  t.equal(redirectOf('https://{host}:8443{path}')(none), undefined)
  t.equal(redirectOf('https://www.{host}/')(none), undefined)
  t.equal(redirectOf('https://example.com{path}')(none), 'https://example.com/a')
  t.equal(redirectOf('https://{host}{path}')({ ...none, host: 'a.test', path: '*' }), 'https://a.test')
})

t.test('a redirect names groups of the expression that the path matched', async (t) => {
  const redirect = (to: string, groups: string, path: string) =>
    compileRedirect(to, groups)({ host: 'example.com', path, query: 'q=1' }, nobody)
  t.equal(redirect('/posts/$2?id=$1', '^/old/(\\d+)/(.*)$', '/old/7/a/b'), '/posts/a/b?id=7')
  t.equal(redirect('https://{host}/$1{query}', '^/old/(.*)$', '/old/x%20y'), 'https://example.com/x%20y?q=1')
  t.equal(redirect('$1', '^(/.+)/$', '/a/b/'), '/a/b', 'without the slash at the end')
  t.equal(redirect('/x$2', '^/(a)|(b)$', '/a'), '/x', 'a group that took part in nothing is empty')
  t.equal(redirect('/$1', '^/old(.*)$', '/old/evil.example'), '/evil.example', 'no name of another host')
  t.equal(redirectOf('/{path}')({ host: 'a', path: '/evil.example', query: undefined }), '/evil.example')
  t.equal(redirectOf('/price/$1')({ host: 'a', path: '/', query: undefined }), '/price/$1')
})
