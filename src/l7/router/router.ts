import type { PathPolicy, RouteMatch } from '../../config/model/model.ts'
import { normalisePath } from '../uri/normalise-path.ts'
import { DEFAULT_PATH_POLICY } from '../uri/path-policy.ts'
import { Conditions } from './conditions.ts'
import { HostIndex } from './host-index.ts'
import { literalPrefix } from './literal-prefix.ts'
import type { MatchInput } from './match-input.ts'
import type { PathRule } from './path-index.ts'
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
      const candidate = { order, conditions: new Conditions(match, policy) }
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
