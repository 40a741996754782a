import type { StageContext } from '../stage-context.ts'
import type { Stage } from '../stage.ts'
import type { RateLimitInput } from './keys.ts'
import { compileLimits } from './rate-limit.ts'

/** The limits that count by identity; they come after auth. */
export function compile(keys: readonly RateLimitInput[], context: StageContext): Stage | undefined {
  return compileLimits(keys, context, true)
}
