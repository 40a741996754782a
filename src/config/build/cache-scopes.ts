import { createHash } from 'node:crypto'
import type { L7ListenerConfig, ListenerConfig, RouteConfig, ValueMatch } from '../model/model.ts'

/** Longer scopes are hashed, since they are part of every key. */
const MAX_SCOPE = 80

/**
 * Gives keys of their own to routes over one store that the URL in the key does not distinguish: otherwise the response
 * of an internal pool could be served to everyone. Within a listener that needs a condition on fields, the client's
 * address, or a query parameter that the key leaves out; between listeners, routes that differ for the same hosts. A
 * scope is built from what differs, not from names or positions, which a reload may give to another route.
 */
export function withCacheScopes(listeners: readonly ListenerConfig[]): ListenerConfig[] {
  const seen = new Map<L7ListenerConfig, Map<string, Signature>>()
  for (const listener of listeners) if (listener.mode === 'l7') seen.set(listener, signatures(listener))
  return listeners.map((listener) => {
    if (listener.mode !== 'l7') return listener
    const routes = listener.routes.map((route) => {
      if (route.cache === undefined) return route
      const scope = [
        ...(isDistinct(listener, route.cache.store, seen) ? [listener.name] : []),
        ...conditions(route)
      ]
      if (scope.length === 0) return route
      return {
        ...route,
        cache: { ...route.cache, key: { ...route.cache.key, scope: short(scope.join(' ')) } }
      }
    })
    return { ...listener, routes }
  })
}

/** What the routes of a listener over one store do, and for which hosts; undefined: any. */
interface Signature {
  readonly text: string
  readonly hosts: ReadonlySet<string> | undefined
}

function signatures(listener: L7ListenerConfig): Map<string, Signature> {
  const byStore = new Map<string, RouteConfig[]>()
  for (const route of listener.routes) {
    if (route.cache === undefined) continue
    byStore.set(route.cache.store, [...(byStore.get(route.cache.store) ?? []), route])
  }
  const signature = (routes: readonly RouteConfig[]): Signature => {
    const hosts = routes.flatMap(({ match }) => (match.host.length === 0 ? ['*'] : match.host))
    return {
      text: JSON.stringify(routes.map(({ match, action, rewrite }) => [match, action, rewrite])),
      hosts: hosts.some((host) => host.startsWith('*')) ? undefined : new Set(hosts)
    }
  }
  return new Map([...byStore].map(([store, routes]) => [store, signature(routes)]))
}

/** Whether another listener answers for some of the same hosts from the same store, but differently. */
function isDistinct(
  listener: L7ListenerConfig,
  store: string,
  seen: ReadonlyMap<L7ListenerConfig, ReadonlyMap<string, Signature>>
): boolean {
  const own = seen.get(listener)!.get(store)!
  for (const [other, byStore] of seen) {
    const its = byStore.get(store)
    if (other !== listener && its !== undefined && its.text !== own.text && overlap(own, its)) return true
  }
  return false
}

function overlap({ hosts: one }: Signature, { hosts: other }: Signature): boolean {
  if (one === undefined || other === undefined) return true
  for (const host of one) if (other.has(host)) return true
  return false
}

function conditions({ match, cache }: RouteConfig): string[] {
  const pairs = (record: Readonly<Record<string, ValueMatch>>) =>
    Object.entries(record).map(([name, value]) =>
      typeof value === 'string' ? `${name}=${value}` : `${name}~${value.regex}`
    )
  return [
    ...pairs(match.headers),
    ...match.clientIp,
    ...(match.clientCert ?? []),
    ...(cache!.key.ignoreQuery.length === 0 ? [] : pairs(match.query).map((pair) => `?${pair}`))
  ]
}

function short(text: string): string {
  if (text.length <= MAX_SCOPE && /^[\x20-\x7e]*$/.test(text)) return text
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
