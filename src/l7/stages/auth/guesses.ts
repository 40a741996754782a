import { KeyHash } from '../../../shared/key-hash.ts'
import { rateRule } from '../../../shared/rate-rule.ts'
import { RateTable, type RateBuffers } from '../../../shared/rate-table.ts'
import type { Decision } from '../../../shared/rate-decision.ts'
import type { Clock } from '../../../core/clock.ts'

/** Addresses and names that are counted at once: 1.4 MB, of which untouched pages cost nothing. */
const KEYS = 65_536
const NOTHING_YET = -1
/** The key of the one count in `rest`. */
const REST = 1

/** What all threads share about counted guesses. */
export interface GuessMemory {
  readonly rates: RateBuffers
  /** One count for all for whom there is no place in `rates`. */
  readonly rest: RateBuffers
  /** Second of the last guess. */
  readonly last: SharedArrayBuffer
}

const decision: Decision = { allowed: true, remaining: 0, retryMs: 0, fullMs: 0 }

/**
 * Counts wrong credentials in the table of rate limits, by the address that sent them and by the name they were for.
 * While there are no recent guesses, a request costs one read of shared memory.
 *
 * A rate limit lets keys pass for which its table has no place. Here somebody with many addresses would fill the table (a /48 of
 * IPv6 has 65,536 /64s) to guess without limit: so all who find no place share one count.
 */
export class Guesses {
  readonly #table: RateTable
  readonly #rest: RateTable
  /** The last `take` found no place. */
  #untracked = false
  readonly #last: Int32Array
  readonly #seed: number
  readonly #hash = new KeyHash()
  readonly #clock: Clock
  readonly #perSeconds: number
  readonly #retryMs: number

  constructor(limit: { readonly requests: number; readonly per: number }, memory: GuessMemory, clock: Clock) {
    const { requests, per } = limit
    const rule = rateRule({ algorithm: 'token-bucket', requests, perMs: per, burst: requests })
    this.#table = new RateTable(rule, memory.rates, () => (this.#untracked = true))
    this.#rest = new RateTable(rule, memory.rest)
    this.#last = new Int32Array(memory.last)
    this.#seed = memory.rates.seed
    this.#clock = clock
    this.#perSeconds = Math.ceil(per / 1000) + 1
    this.#retryMs = Math.ceil(per / requests)
  }

  static allocate(keys = KEYS): GuessMemory {
    const last = new SharedArrayBuffer(4)
    new Int32Array(last)[0] = NOTHING_YET
    return { rates: RateTable.allocate(keys), rest: RateTable.allocate(8), last }
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
    this.#take(`a${client}`, now)
    if (account !== undefined) this.#take(`n${account}`, now)
    Atomics.store(this.#last, 0, Math.floor(now / 1000))
  }

  #spent(key: string, now: number): boolean {
    this.#key(key)
    const { low, high } = this.#hash
    this.#table.peek(low, high, 1, now, decision)
    if (!decision.allowed) return true
    this.#rest.peek(REST, 0, 1, now, decision)
    return !decision.allowed && !this.#table.tracks(low, high, now)
  }

  #take(key: string, now: number): void {
    this.#key(key)
    this.#untracked = false
    this.#table.take(this.#hash.low, this.#hash.high, 1, now, decision)
    if (this.#untracked) this.#rest.take(REST, 0, 1, now, decision)
  }

  #key(key: string): void {
    this.#hash.begin(this.#seed)
    this.#hash.addText(key)
  }
}
