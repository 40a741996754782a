import type { Clock } from '../../../../../core/clock.ts'
import { KeyHash } from '../../../../../shared/key-hash.ts'
import type { Decision } from '../../../../../shared/rate-decision.ts'
import { rateRule } from '../../../../../shared/rate-rule.ts'
import { RateTable, type RateBuffers } from '../../../../../shared/rate-table.ts'

const decision: Decision = { allowed: true, remaining: 0, retryMs: 0, fullMs: 0 }

/**
 * The proofs that were shown, in memory that all threads share: a rate limit of one request for each proof, in the time for
 * which it could be shown again. A proof for which there is no place is refused, not forgotten.
 */
export class Replays {
  readonly #table: RateTable
  readonly #seed: number
  readonly #clock: Clock
  readonly #hash = new KeyHash()
  #full = false

  /** `window`: as long before and behind its own time a proof may be shown. */
  constructor(window: number, memory: RateBuffers, clock: Clock) {
    const perMs = 2 * window + 1000
    const rule = rateRule({ algorithm: 'token-bucket', requests: 1, perMs, burst: 1 })
    this.#table = new RateTable(rule, memory, () => (this.#full = true))
    this.#seed = memory.seed
    this.#clock = clock
  }

  static allocate(places: number): RateBuffers {
    return RateTable.allocate(places)
  }

  take(jkt: string, id: string): 'new' | 'seen' | 'full' {
    const hash = this.#hash
    hash.begin(this.#seed)
    hash.addText(jkt)
    hash.addText(id)
    this.#full = false
    this.#table.take(hash.low, hash.high, 1, this.#clock.now(), decision)
    return this.#full ? 'full' : decision.allowed ? 'new' : 'seen'
  }
}
