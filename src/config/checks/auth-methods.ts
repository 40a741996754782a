import { defaults } from '../defaults.ts'
import { type Finding, type Path, warningAt } from '../report/problem.ts'
import { isMap, type Raw, type RawMap, valueAt } from '../raw.ts'

const { callback: CALLBACK, cookie: COOKIE } = defaults.oidc
/** As many characters as `sessionSecret` has at least. */
const LONG_ENOUGH = 32

/** One `oidc` item, where it is in force. */
interface Client {
  readonly path: Path
  readonly oidc: RawMap
  /** The routes (or the one listener) that ask for its login, as mappings. */
  readonly places: readonly RawMap[]
}

/** Methods of one listener that are valid each, and cannot work, or not safely, where they stand. */
export function* checkAuthMethods(listener: RawMap, path: Path): Generator<Finding> {
  const listed = Array.isArray(listener['routes']) ? (listener['routes'] as readonly Raw[]).filter(isMap) : []
  const routes = listed.length === 0 ? [{}] : listed
  const clients: Client[] = []
  const places = [
    { at: path, auth: listener['auth'], served: routes.filter((route) => !('auth' in route)) },
    ...listed.map((route, index) => ({
      at: [...path, 'routes', index],
      auth: route['auth'],
      served: [route]
    }))
  ]
  for (const { at, auth, served } of places) {
    for (const [tail, item] of itemsOf(auth)) {
      if (isMap(item['clientCert']) && valueAt(listener, ['tls', 'clientAuth']) === undefined) {
        const message =
          'clients show no certificates here: that needs `clientAuth` in the `tls` of the listener'
        yield warningAt([...at, 'auth', ...tail, 'clientCert'], message, 'key')
      }
      if (isMap(item['oidc'])) clients.push({ path: [...at, 'auth', ...tail, 'oidc'], oidc: item['oidc'], places: served }) // prettier-ignore
    }
  }
  for (const [index, client] of clients.entries()) {
    yield* checkSecrets(client)
    yield* checkCallback(client, clients)
    const rival = clients.slice(0, index).find((other) => isRival(client, other))
    if (rival !== undefined) {
      const message = `another client on the same host has this cookie: a login at one ends the session of the other. Write \`cookie: ${COOKIE}_2\` and \`callback: ${CALLBACK}-2\``
      yield warningAt(client.path, message, 'key')
    }
  }
}

function itemsOf(auth: Raw | undefined): [Path, RawMap][] {
  const list = isMap(auth) ? auth['methods'] : auth
  const tail = isMap(auth) ? ['methods'] : []
  if (!Array.isArray(list)) return []
  return (list as readonly Raw[]).flatMap((item, index): [Path, RawMap][] =>
    isMap(item) ? [[[...tail, index], item]] : []
  )
}

function* checkSecrets({ path, oidc }: Client): Generator<Finding> {
  const { clientSecret, sessionSecret, issuer } = oidc
  if (typeof clientSecret === 'string' && clientSecret.length < LONG_ENOUGH && sessionSecret === undefined) {
    const message = `sessions are encrypted by a key made of it, and ${clientSecret.length} characters can be guessed: write a \`sessionSecret\` of ${LONG_ENOUGH} random characters`
    yield warningAt([...path, 'clientSecret'], message)
  }
  if (typeof issuer === 'string' && /^http:\/\/(?!localhost\b|127\.|\[::1\])/i.test(issuer)) {
    yield warningAt(
      [...path, 'issuer'],
      'the secret of the client and all tokens cross the network in clear text: use https'
    )
  }
}

/** The provider sends users to a path that some route with the same client must match. */
function* checkCallback({ path, oidc }: Client, clients: readonly Client[]): Generator<Finding> {
  const callback = typeof oidc['callback'] === 'string' ? oidc['callback'] : CALLBACK
  const same = clients.filter((other) => isSame(other.oidc, oidc))
  if (same.some(({ places }) => places.some((route) => mayMatch(route['match'], callback)))) return
  const message = `no route with this \`auth\` matches ${callback}, where the provider sends users back: no login can end. Write a \`callback\` below the path of the route, or add a route for it`
  yield warningAt(path, message, 'key')
}

function mayMatch(match: Raw | undefined, callback: string): boolean {
  if (!isMap(match)) return true
  const { path, pathPrefix } = match
  if (typeof path === 'string') return path === callback
  if (typeof pathPrefix === 'string') return callback.startsWith(pathPrefix)
  return true
}

function isSame(one: RawMap, other: RawMap): boolean {
  return one['issuer'] === other['issuer'] && one['clientId'] === other['clientId']
}

function isRival(one: Client, other: Client): boolean {
  const cookie = ({ oidc }: Client) => oidc['cookie'] ?? COOKIE
  if (isSame(one.oidc, other.oidc) || cookie(one) !== cookie(other)) return false
  return one.places.some((a) => other.places.some((b) => mayShareHost(a['match'], b['match'])))
}

function mayShareHost(one: Raw | undefined, other: Raw | undefined): boolean {
  const hosts = (match: Raw | undefined): readonly Raw[] | undefined => {
    const host = isMap(match) ? match['host'] : undefined
    return host === undefined ? undefined : ([host].flat() as readonly Raw[])
  }
  const [a, b] = [hosts(one), hosts(other)]
  return a === undefined || b === undefined || a.some((host) => b.includes(host))
}
