import t from 'tap'
import { configFromObject } from '../../../src/config/parse-config.ts'

const secret = 'a-secret-of-more-than-thirty-two-characters'

/** What lb check warns of, as paths with their first words. */
function warnings(listener: object): string[] {
  const result = configFromObject({
    listeners: [{ bind: ':0', mode: 'l7', ...listener }],
    pools: { web: { backends: ['127.0.0.1:1'] } }
  })
  if (!result.ok) return result.problems.map(({ message }) => `error: ${message}`)
  return result.warnings.map(({ path, message }) => `${path.replace('listeners[0].', '')}: ${message}`)
}

const oidc = (more: object = {}) => ({ oidc: { issuer: 'https://a.example', clientId: 'a', clientSecret: secret, ...more } }) // prettier-ignore
const other = (more: object = {}) => oidc({ issuer: 'https://b.example', clientId: 'b', ...more })
const route = (match: object, auth?: object) => ({ match, pool: 'web', ...(auth && { auth: [auth] }) })

t.test('a login whose callback no route matches is warned of', async (t) => {
  const lost = /no route with this `auth` matches \/\.lb\/oidc\/callback/
  t.match(warnings({ routes: [route({ pathPrefix: '/app/' }, oidc()), route({})] }), [lost])
  t.match(warnings({ auth: [oidc()], routes: [route({ pathPrefix: '/app/' })] }), [lost])
  for (const fine of [
    { pool: 'web', auth: [oidc()] },
    { auth: [oidc()], routes: [route({ pathPrefix: '/app/' }), route({})] },
    { routes: [route({ pathPrefix: '/app/' }, oidc({ callback: '/app/callback' }))] },
    { routes: [route({ pathPrefix: '/app/' }, oidc()), route({ pathPrefix: '/.lb/' }, oidc()), route({})] },
    { routes: [route({ host: 'a.example' }, oidc()), route({ host: 'b.example' }, other())] }
  ])
    t.same(warnings(fine), [])
})

t.test('two clients with one cookie on one host are warned of', async (t) => {
  const a = route({ pathPrefix: '/a/' }, oidc({ callback: '/a/callback' }))
  t.match(warnings({ routes: [a, route({ pathPrefix: '/b/' }, other({ callback: '/b/callback' }))] }), [/another client on the same host has this cookie/]) // prettier-ignore
  t.same(warnings({ routes: [a, route({ pathPrefix: '/b/' }, other({ callback: '/b/callback', cookie: 'b' }))] }), []) // prettier-ignore
})

t.test(
  'secrets that can be guessed or overheard, and certificates that nobody shows, are warned of',
  async (t) => {
    t.match(warnings({ pool: 'web', auth: [oidc({ clientSecret: 'short' })] }), [
      /5 characters can be guessed/
    ])
    t.same(warnings({ pool: 'web', auth: [oidc({ clientSecret: 'short', sessionSecret: secret })] }), [])
    t.match(warnings({ pool: 'web', auth: [oidc({ issuer: 'http://idp.example' })] }), [
      /in clear text: use https/
    ])
    t.same(warnings({ pool: 'web', auth: [oidc({ issuer: 'http://127.0.0.1:9000' })] }), [])
    t.match(warnings({ pool: 'web', auth: { methods: [{ clientCert: { any: [] } }] } }), [/auth.methods\[0\].clientCert: clients show no certificates here/]) // prettier-ignore
  }
)

t.test('what nobody can have is warned of where it is required', async (t) => {
  const keys = { apiKeys: { keys: { alice: secret }, roles: { alice: ['admin', 'ops'] } } }
  const jwt = (more: object = {}) => ({ jwt: { issuer: 'https://idp.example', audience: 'api', ...more } })
  const asked = (require: object, ...auth: object[]) => warnings({ routes: [{ match: {}, pool: 'web', auth, require }] }) // prettier-ignore
  const certificate = { clientCert: { subjects: { 'CN=alice': ['admin'] }, any: 'guest' } }
  t.match(asked({ roles: 'admn' }, keys), [
    /require.roles: no method of `auth` gives anybody the role "admn"; did you mean "admin"\?$/
  ])
  t.match(asked({ roles: ['ops', 'guest'], match: 'all' }, keys), [/the role "guest"; known: admin, ops$/])
  t.match(asked({ roles: 'admin' }, jwt()), [/`roles: realm_access.roles` in `jwt`$/])
  t.match(asked({ roles: 'admin' }, { forward: { url: 'http://127.0.0.1:1' } }), [/in `forward`$/])
  t.match(asked({ roles: 'admin' }, { apiKeys: { keys: { alice: secret } } }), [/who has which by `roles`$/])
  t.match(asked({ scopes: 'read', claims: { hd: 'a' } }, keys), [
    /only tokens have scopes/,
    /tokens have claims/
  ])
  const listener = { auth: [keys], require: { roles: 'admin' } }
  const other = {
    match: { pathPrefix: '/b' },
    pool: 'web',
    auth: [jwt({ roles: 'roles' })],
    require: { roles: 'x' }
  }
  for (const fine of [
    asked({ roles: 'admin' }, keys, jwt()),
    asked({ roles: 'x', scopes: 'read' }, keys, jwt({ roles: 'roles' })),
    asked({ roles: 'x' }, { apiKeys: { keys: 'file:/etc/lb/keys' } }).filter((each) => /role/.test(each)),
    asked({ roles: ['admin', 'guest'] }, certificate).filter((each) => /role/.test(each)),
    warnings({ ...listener, pool: 'web', routes: [other] })
  ])
    t.same(fine, [])
})
