import { rateRule, type RateAlgorithm, type RateRule } from '../../../shared/rate-rule.ts'
import { RateTable, type RateBuffers } from '../../../shared/rate-table.ts'

/** The settings that decide memory and rule of a limit; `per` in ms. */
interface LimitSize {
  readonly key: readonly { readonly kind: string }[]
  readonly maxKeys: number
  readonly algorithm: RateAlgorithm
  readonly requests: number
  readonly per: number
  readonly burst?: number | undefined
}

/** A table for each limit of the list, created by the main thread. */
export function allocateRateLimits(limits: readonly LimitSize[]): RateBuffers[] {
  return limits.map((limit) => RateTable.allocate(isSingle(limit) ? 8 : limit.maxKeys))
}

export function ruleOf({ algorithm, requests, per, burst }: LimitSize): RateRule {
  return rateRule({
    algorithm,
    requests,
    perMs: per,
    burst: algorithm === 'token-bucket' ? (burst ?? requests) : requests
  })
}

function isSingle({ key }: LimitSize): boolean {
  return key.every(({ kind }) => kind === 'all' || kind === 'route')
}
