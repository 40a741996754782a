import type { PathPolicy, RouteMatch } from '../../config/model/model.ts'
import { normalisePath } from '../uri/normalise-path.ts'
import { DEFAULT_PATH_POLICY } from '../uri/path-policy.ts'
import { Conditions, type ConditionName } from './conditions.ts'
import type { MatchInput } from './match-input.ts'
import { hasPrefix, routeHosts } from './router.ts'

/**
 * Why a route does not match: the first condition that fails, undefined when it does match. For `lb explain` and as
 * the plain reading of the rules that tests hold the index of `Router` to; it is not fast.
 */
export function failedCondition(
  match: RouteMatch,
  input: MatchInput,
  policy: PathPolicy = DEFAULT_PATH_POLICY
): ConditionName | undefined {
  if (!routeHosts(match).some((host) => holdsFor(host, input.host))) return 'host'
  if (match.path !== undefined && normalisePath(match.path, policy) !== input.path) return 'path'
  if (match.pathPrefix !== undefined) {
    const prefix = normalisePath(match.pathPrefix, policy)
    if (prefix === undefined || !hasPrefix(input.path, prefix)) return 'pathPrefix'
  }
  return new Conditions(match).failed(input)
}

function holdsFor(pattern: string, host: string): boolean {
  if (pattern === '*') return true
  if (!pattern.startsWith('*.')) return pattern === host
  return host.length > pattern.length - 1 && host.endsWith(pattern.slice(1))
}
