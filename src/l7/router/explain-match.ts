import type { PathPolicy, RouteMatch } from '../../config/model/model.ts'
import { DEFAULT_PATH_POLICY } from '../uri/path-policy.ts'
import { Conditions, type ConditionName } from './conditions.ts'
import type { MatchInput } from './match-input.ts'
import { Place } from './place.ts'

/**
 * Why a route does not match: the first condition that fails, undefined when it does match. For `lb explain` and as
 * the plain reading of the rules that tests hold the index of `Router` to; it is not fast.
 */
export function failedCondition(
  match: RouteMatch,
  input: MatchInput,
  policy: PathPolicy = DEFAULT_PATH_POLICY
): ConditionName | undefined {
  return new Place(match, policy).failed(input) ?? new Conditions(match, policy).failed(input)
}
