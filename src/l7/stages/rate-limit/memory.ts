import { rateRule, type RateRule } from '../../../shared/rate-rule.ts'
import { RateTable, type RateBuffers } from '../../../shared/rate-table.ts'
import type { RateLimitInput } from './keys.ts'

/** A table for each limit of the list, made in the main thread. */
export function allocateRateLimits(limits: readonly RateLimitInput[]): RateBuffers[] {
  return limits.map((limit) => RateTable.allocate(isSingle(limit) ? 8 : limit.maxKeys))
}

export function ruleOf({ algorithm, requests, per, burst }: RateLimitInput): RateRule {
  return rateRule({
    algorithm,
    requests,
    perMs: per,
    burst: algorithm === 'token-bucket' ? (burst ?? requests) : requests
  })
}

function isSingle({ key }: RateLimitInput): boolean {
  return key.every(({ kind }) => kind === 'all' || kind === 'route')
}
