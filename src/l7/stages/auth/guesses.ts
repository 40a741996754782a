import { KeyHash } from '../../../shared/key-hash.ts'
import { rateRule } from '../../../shared/rate-rule.ts'
import { RateTable, type RateBuffers } from '../../../shared/rate-table.ts'
import type { Decision } from '../../../shared/rate-decision.ts'
import type { Clock } from '../../../core/clock.ts'

const KEYS = 16_384
const NOTHING_YET = -1

/** What all threads share about counted guesses. */
export interface GuessMemory {
  readonly rates: RateBuffers
  /** Second of the last guess. */
  readonly last: SharedArrayBuffer
}

const decision: Decision = { allowed: true, remaining: 0, retryMs: 0, fullMs: 0 }

/**
 * Counts wrong credentials in the table of rate limits, by the address that sent them and by the name they were for.
 * While there are no recent guesses, a request costs one read of shared memory.
 */
export class Guesses {
  readonly #table: RateTable
  readonly #last: Int32Array
  readonly #seed: number
  readonly #hash = new KeyHash()
  readonly #clock: Clock
  readonly #perSeconds: number
  readonly #retryMs: number

  constructor(limit: { readonly requests: number; readonly per: number }, memory: GuessMemory, clock: Clock) {
    const { requests, per } = limit
    this.#table = new RateTable(
      rateRule({ algorithm: 'token-bucket', requests, perMs: per, burst: requests }),
      memory.rates
    )
    this.#last = new Int32Array(memory.last)
    this.#seed = memory.rates.seed
    this.#clock = clock
    this.#perSeconds = Math.ceil(per / 1000) + 1
    this.#retryMs = Math.ceil(per / requests)
  }

  static allocate(): GuessMemory {
    const last = new SharedArrayBuffer(4)
    new Int32Array(last)[0] = NOTHING_YET
    return { rates: RateTable.allocate(KEYS), last }
  }

  /** How long until another credential is accepted, in ms; 0: now. */
  wait(client: string, account: string | undefined): number {
    const last = Atomics.load(this.#last, 0)
    if (last === NOTHING_YET) return 0
    const now = this.#clock.now()
    if (Math.floor(now / 1000) - last > this.#perSeconds) return 0
    if (this.#spent(`a${client}`, now)) return this.#retryMs
    return account !== undefined && this.#spent(`n${account}`, now) ? this.#retryMs : 0
  }

  count(client: string, account: string | undefined): void {
    const now = this.#clock.now()
    this.#take(`a${client}`, 1, now)
    if (account !== undefined) this.#take(`n${account}`, 1, now)
    Atomics.store(this.#last, 0, Math.floor(now / 1000))
  }

  #spent(key: string, now: number): boolean {
    this.#key(key)
    this.#table.peek(this.#hash.low, this.#hash.high, 1, now, decision)
    return !decision.allowed
  }

  #take(key: string, cost: number, now: number): void {
    this.#key(key)
    this.#table.take(this.#hash.low, this.#hash.high, cost, now, decision)
  }

  #key(key: string): void {
    this.#hash.begin(this.#seed)
    this.#hash.addText(key)
  }
}
