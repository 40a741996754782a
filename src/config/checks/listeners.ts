import { parseBind } from '../addresses.ts'
import { textOf } from '../environment/env-text.ts'
import { isLocalBind } from '../local-bind.ts'
import { errorAt, type Finding, type Path } from '../report/problem.ts'
import { isMap, type Raw, type RawMap, select, valueAt } from '../raw.ts'

const ACTIONS = ['pool', 'split', 'redirect', 'respond'] as const
/** Keys that a route without a backend cannot use. */
const FORWARDING_KEYS = ['rewrite', 'cache', 'retry', 'timeouts', 'mirror'] as const

/** Keys of listeners, routes and the admin listener that need or exclude each other. */
export function checkListeners(root: Raw): Finding[] {
  const findings: Finding[] = []
  for (const { path, value } of select(root, ['listeners', '*'])) {
    if (!isMap(value)) continue
    if (value['mode'] === 'l4') findings.push(...checkL4(value, path))
    if (value['mode'] === 'l7') findings.push(...checkL7(value, path))
    findings.push(
      ...checkTls(value, path),
      ...checkConnectionLimit(value, path),
      ...keysWithoutUse(value, path)
    )
  }
  for (const { path, value } of select(root, ['listeners', '*', 'routes', '*'])) {
    if (isMap(value)) findings.push(...checkRoute(value, path))
  }
  findings.push(...checkAdmin(root))
  return findings
}

function checkL4(listener: RawMap, path: Path): Finding[] {
  const findings: Finding[] = []
  const { sni, tls } = listener
  const hasSni = Array.isArray(sni) ? sni.length > 0 : sni !== undefined
  if (listener['pool'] === undefined && !hasSni) {
    findings.push(errorAt(path, 'missing key "pool": the pool that connections go to', 'key'))
  }
  if (hasSni && tls !== undefined) {
    const message = '"sni" reads the name from TLS that passes through; with "tls" it ends here. Take one out'
    findings.push(errorAt([...path, 'sni'], message, 'key'))
  }
  return findings
}

function checkL7(listener: RawMap, path: Path): Finding[] {
  const { routes } = listener
  const hasRoutes = Array.isArray(routes) ? routes.length > 0 : routes !== undefined
  const https = listener['redirectToHttps']
  // Of another type it is an error of its own.
  const redirects = https === true || isMap(https)
  const findings = [...checkClientCert(listener, path)]
  const { trustedProxies } = listener
  const trusts = Array.isArray(trustedProxies) ? trustedProxies.length > 0 : trustedProxies !== undefined
  if (redirects && listener['pool'] !== undefined && !trusts) {
    const message =
      '"pool" beside "redirectToHttps" is for requests that a proxy in front received over HTTPS; name it in "trustedProxies", or keep one of them'
    findings.push(errorAt([...path, 'redirectToHttps'], message, 'key'))
  }
  if (redirects && listener['tls'] !== undefined) {
    const message = '"redirectToHttps" is for clear text, and this listener has "tls"; take it out'
    findings.push(errorAt([...path, 'redirectToHttps'], message, 'key'))
  }
  if (listener['pool'] === undefined && !hasRoutes && (https === undefined || https === false)) {
    const message =
      'missing key "pool": the pool that requests go to; or "routes" to choose by request, or "redirectToHttps"'
    findings.push(errorAt(path, message, 'key'))
  }
  return findings
}

/** Without client certificates no request could match. */
function checkClientCert(listener: RawMap, path: Path): Finding[] {
  const { tls } = listener
  if (isMap(tls) && tls['clientAuth'] !== undefined) return []
  const places: readonly Path[] = [[], ['any', '*'], ['not', '*']]
  return places
    .flatMap((place) => [...select(listener, ['routes', '*', 'match', ...place, 'clientCert'])])
    .map(({ path: at }) =>
      errorAt([...path, ...at], '"clientCert" needs `clientAuth` in the "tls" of the listener', 'key')
    )
}

function checkTls({ tls }: RawMap, path: Path): Finding[] {
  if (!isMap(tls)) return []
  const selfSigned = tls['selfSigned'] === true
  const acme = tls['acme'] !== undefined
  if (acme && selfSigned) return [errorAt([...path, 'tls', 'selfSigned'], 'takes no "acme" beside it', 'key')]
  if (tls['certificates'] === undefined && !selfSigned && !acme) {
    const message =
      'missing key "certificates": a list of { cert: file, key: file }, or `acme: { domains: […] }`, or `selfSigned: true`'
    return [errorAt([...path, 'tls'], message, 'key')]
  }
  if (tls['certificates'] === undefined || !selfSigned) return []
  return [errorAt([...path, 'tls', 'selfSigned'], 'takes no "certificates" beside it', 'key')]
}

function checkConnectionLimit(listener: RawMap, path: Path): Finding[] {
  const limit = listener['connectionLimit']
  if (!isMap(limit) || Object.keys(limit).length > 0) return []
  return [errorAt([...path, 'connectionLimit'], 'says nothing; give it "perClient" or "rate"', 'key')]
}

/** Keys that do nothing for want of another. */
function* keysWithoutUse(listener: RawMap, path: Path): Generator<Finding> {
  const log = listener['accessLog']
  if (isMap(log) && isMap(log['rotate']) && log['file'] === undefined)
    yield errorAt([...path, 'accessLog', 'rotate'], 'it is `file` that is rotated; name it beside', 'key')
  const binds = [...select(listener, ['bind', '*'])].map(({ value }) => textOf(value))
  if (listener['socket'] === undefined || binds.length === 0) return
  if (binds.every((bind) => bind !== undefined && !/^(?:unix|systemd):/.test(bind)))
    yield errorAt(
      [...path, 'socket'],
      'it is for unix sockets, and this listener has none; take it out',
      'key'
    )
}

function checkRoute(route: RawMap, path: Path): Finding[] {
  const findings: Finding[] = []
  const actions = ACTIONS.filter((action) => route[action] !== undefined)
  if (actions.length === 0) {
    findings.push(
      errorAt(path, 'the route does nothing; give it "pool", "split", "redirect" or "respond"', 'key')
    )
  }
  for (const extra of actions.slice(1)) {
    findings.push(
      errorAt([...path, extra], `"${extra}" cannot go with "${actions[0]}"; keep one of them`, 'key')
    )
  }
  const [action] = actions
  if (action === 'redirect' || action === 'respond') {
    for (const key of FORWARDING_KEYS) {
      if (route[key] === undefined || route[key] === false) continue
      findings.push(
        errorAt([...path, key], `"${key}" is ignored by a route with "${action}"; take it out`, 'key')
      )
    }
  }
  const { match, split, rewrite } = route
  if (isMap(match)) {
    for (const key of ['any', 'not'] as const) {
      for (const { path: at, value } of select(match, [key, '*'])) {
        if (!isMap(value) || Object.keys(value).length > 0) continue
        const all = key === 'any' ? 'so that "any" says nothing' : 'so that the route matches nothing'
        findings.push(errorAt([...path, 'match', ...at], `this matches every request, ${all}; take it out`))
      }
    }
    for (const other of ['pathPrefix', 'pathRegex'].filter((key) => match[key] !== undefined)) {
      if (match['path'] === undefined) break
      const message = `"${other}" adds nothing beside "path", which is the whole path; keep one of them`
      findings.push(errorAt([...path, 'match', other], message, 'key'))
    }
  }
  if (
    Array.isArray(split) &&
    split.length > 0 &&
    split.every((part) => isMap(part) && part['weight'] === 0)
  ) {
    findings.push(errorAt([...path, 'split'], 'every weight is 0; one at least must be more', 'key'))
  }
  if (isMap(rewrite) && Object.keys(rewrite).length === 0) {
    const message = 'does nothing; give it "stripPrefix", "addPrefix" or "path"'
    findings.push(errorAt([...path, 'rewrite'], message, 'key'))
  }
  return findings
}

/** Anyone who reaches the admin listener can drain backends, so off loopback it needs a token. */
function checkAdmin(root: Raw): Finding[] {
  const admin = valueAt(root, ['admin'])
  if (!isMap(admin)) return []
  const token = textOf(admin['token']) ?? admin['token']
  if (token !== undefined && token !== '') return []
  const binds = Array.isArray(admin['bind']) ? (admin['bind'] as readonly Raw[]) : [admin['bind'] ?? null]
  for (const [index, value] of binds.entries()) {
    const text = textOf(value)
    const bind = text === undefined ? undefined : parseBind(text)
    if (bind === undefined || typeof bind === 'string' || isLocalBind(bind)) continue
    const path = Array.isArray(admin['bind']) ? ['admin', 'bind', index] : ['admin', 'bind']
    return [errorAt(path, `${bind.text} is reached from other machines; set "token", or bind to 127.0.0.1`)]
  }
  return []
}
