import type { PathPolicy, RouteMatch } from '../../config/model/model.ts'
import { normalisePath } from '../uri/normalise-path.ts'
import { DEFAULT_PATH_POLICY } from '../uri/path-policy.ts'
import { conditionsOf } from './conditions.ts'
import { literalPrefix } from './literal-prefix.ts'
import type { MatchInput } from './match-input.ts'
import { PathIndex, type PathRule, type Candidate } from './path-index.ts'
import { hasPrefix, routeHosts } from './place.ts'

/**
 * The routes of one listener: the first in config order whose match holds wins. Compiled once per snapshot; a match
 * allocates nothing and costs about the same for ten routes and for thousands (bench/micro/router.ts), except that
 * routes which differ in nothing but methods, headers, query or client address are tried one after the other.
 */
export class Router<T> {
  readonly #hosts = new HostIndex()
  readonly #values: readonly T[]

  constructor(
    routes: readonly { readonly match: RouteMatch; readonly value: T }[],
    policy: PathPolicy = DEFAULT_PATH_POLICY
  ) {
    this.#values = routes.map((route) => route.value)
    routes.forEach(({ match }, order) => {
      const candidate = { order, conditions: conditionsOf(match, policy) }
      const rule = pathRule(match, policy)
      for (const host of routeHosts(match)) this.#hosts.add(host, rule, candidate)
    })
  }

  match(input: MatchInput): T | undefined {
    const indexes = this.#hosts.indexesFor(input.host)
    let best = Infinity
    for (let i = 0; i < indexes.length; i++) {
      const index = indexes[i]!
      if (index.firstOrder >= best) break
      best = index.find(input, best)
    }
    return best === Infinity ? undefined : this.#values[best]
  }
}

/**
 * The most telling of the path conditions. When a route has several, the exact path is compared first and then the
 * regular expression; a prefix next to an exact path must hold too, or the route can never match.
 */
function pathRule(match: RouteMatch, policy: PathPolicy): PathRule {
  if (match.path !== undefined) {
    const path = normalised(match.path, policy)
    const hopeless = match.pathPrefix !== undefined && !hasPrefix(path, normalised(match.pathPrefix, policy))
    return hopeless ? { kind: 'exact', path: NOWHERE } : { kind: 'exact', path }
  }
  if (match.pathPrefix !== undefined) return { kind: 'prefix', path: normalised(match.pathPrefix, policy) }
  const literal = match.pathRegex === undefined ? undefined : literalPrefix(match.pathRegex)
  return literal === undefined ? { kind: 'any' } : { kind: 'prefix', path: literal }
}

/** No normal path contains a space. */
const NOWHERE = '/ '

function normalised(path: string, policy: PathPolicy): string {
  return normalisePath(path, policy) ?? NOWHERE
}

/** How many host names are remembered with their indexes; then all are forgotten and it begins anew. */
const MAX_REMEMBERED = 1024

/**
 * Finds the path indexes that can hold routes for a host: that of the name itself, those of the wildcards above it
 * (`*.example.com` holds for subdomains of any depth, not for example.com) and that of routes for any host.
 */
export class HostIndex {
  readonly #exact = new Map<string, PathIndex>()
  /** By the part after the asterisk, with its dot. */
  readonly #wildcards = new Map<string, PathIndex>()
  readonly #any = new PathIndex()
  // Clients repeat few names: one lookup instead of one per label, and nothing allocated for wildcards.
  readonly #remembered = new Map<string, readonly PathIndex[]>()

  add(host: string, rule: PathRule, candidate: Candidate): void {
    this.#indexOf(host).add(rule, candidate)
  }

  /** In ascending order of their first route. */
  indexesFor(host: string): readonly PathIndex[] {
    const remembered = this.#remembered.get(host)
    if (remembered !== undefined) return remembered
    const indexes = this.#search(host)
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear()
    this.#remembered.set(host, indexes)
    return indexes
  }

  #indexOf(host: string): PathIndex {
    if (host === '*') return this.#any
    const wildcard = host.startsWith('*.')
    const map = wildcard ? this.#wildcards : this.#exact
    const key = wildcard ? host.slice(1) : host
    let index = map.get(key)
    if (index === undefined) map.set(key, (index = new PathIndex()))
    return index
  }

  #search(host: string): readonly PathIndex[] {
    const found: PathIndex[] = []
    const exact = this.#exact.get(host)
    if (exact !== undefined) found.push(exact)
    if (this.#wildcards.size > 0) {
      for (let dot = host.indexOf('.', 1); dot !== -1; dot = host.indexOf('.', dot + 1)) {
        const wildcard = this.#wildcards.get(host.slice(dot))
        if (wildcard !== undefined) found.push(wildcard)
      }
    }
    if (this.#any.firstOrder !== Infinity) found.push(this.#any)
    return found.sort((a, b) => a.firstOrder - b.firstOrder)
  }
}
