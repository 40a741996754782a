import type { PathPolicy, RouteMatch } from '../../config/model/model.ts'
import { hostName } from '../uri/target.ts'
import { normalisePath } from '../uri/normalise-path.ts'
import type { MatchInput } from './match-input.ts'

/** Where in hosts and paths a match stands: what the index of `Router` finds by walking, read plainly. */

/** Hosts of a route in the form of MatchInput.host, without repetitions; `*` is any. */
export function routeHosts(match: RouteMatch): readonly string[] {
  if (match.host.length === 0) return ['*']
  const names = match.host.map((host) =>
    host.startsWith('*') ? host.toLowerCase() : (hostName(host) ?? host)
  )
  return [...new Set(names)]
}

/** A prefix ends where a segment ends: `/api` holds for `/api` and `/api/x`, not for `/apix`; `/api/` for `/api/x`. */
export function hasPrefix(path: string, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false
  return path.length === prefix.length || prefix.endsWith('/') || path.charCodeAt(prefix.length) === 47
}

/** Host and path of a match, made ready. */
export class Place {
  readonly #hosts: readonly string[]
  /** Undefined: any; null: one that no path is. */
  readonly #path: string | undefined | null
  readonly #prefix: string | undefined | null

  constructor(match: RouteMatch, policy: PathPolicy) {
    this.#hosts = routeHosts(match)
    this.#path = match.path === undefined ? undefined : (normalisePath(match.path, policy) ?? null)
    this.#prefix =
      match.pathPrefix === undefined ? undefined : (normalisePath(match.pathPrefix, policy) ?? null)
  }

  failed({ host, path }: MatchInput): 'host' | 'path' | 'pathPrefix' | undefined {
    if (!this.#hosts.some((pattern) => holdsFor(pattern, host))) return 'host'
    if (this.#path !== undefined && this.#path !== path) return 'path'
    if (this.#prefix === undefined) return undefined
    return this.#prefix === null || !hasPrefix(path, this.#prefix) ? 'pathPrefix' : undefined
  }
}

function holdsFor(pattern: string, host: string): boolean {
  if (pattern === '*') return true
  if (!pattern.startsWith('*.')) return pattern === host
  return host.length > pattern.length - 1 && host.endsWith(pattern.slice(1))
}
