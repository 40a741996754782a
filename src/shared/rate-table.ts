import { randomBytes } from 'node:crypto'
import { lockSet, unlockSet } from './set-lock.ts'
import { debtOf, decide, emptyState, phaseAt, type Decision, type RateState } from './rate-decision.ts'
import type { RateRule } from './rate-rule.ts'

/** What passes to a worker: the memory itself is shared, not copied. */
export interface RateBuffers {
  readonly sets: number
  /** Of the hashes of keys, so that nobody can choose keys that fall into one set. */
  readonly seed: number
  readonly memory: ArrayBufferLike
  readonly locks: ArrayBufferLike
}

/** Entries per set. */
const WAYS = 8
/** Rows of a set, each of WAYS words: two of the key's hash, then state, previous window and phase, second last touched. */
const LOW = 0
const HIGH = WAYS
const STATE = 2 * WAYS
const PREVIOUS = 3 * WAYS
const TOUCHED = 4 * WAYS
const WORDS = 5 * WAYS

const FORGOTTEN: RateState = { state: 0, previous: 0, phase: 0, fresh: true }

/** The upper bits of a previous window's word are the phase. */
const PHASE_SHIFT = 24
const PREVIOUS_MASK = (1 << PHASE_SHIFT) - 1
/** Flips an index to one that is 128 windows away. */
const OTHER_WINDOW = 0x80 << PHASE_SHIFT

/** Bytes of memory per entry, the lock's share included. */
export const RATE_ENTRY_BYTES = (WORDS * 4) / WAYS + 1

/**
 * One rate limit's counts by key, exact over all threads: a hash table of fixed size in shared memory. A key that is
 * there costs one compare-and-swap and no lock; a new one takes its set's lock for the moment of its entry.
 *
 * A full set gives up the entry with the least debt, never one that is being limited: a flood of new keys makes
 * clients forgotten that have used little, and keeps those who have used all. Where all 8 of a set are being
 * limited, a further key passes uncounted.
 */
export class RateTable {
  readonly rule: RateRule
  readonly buffers: RateBuffers
  readonly #onUntracked: () => void
  readonly #words: Int32Array
  readonly #locks: Int32Array
  readonly #mask: number
  readonly #sliding: boolean
  readonly #state: RateState = { state: 0, previous: 0, phase: 0, fresh: true }

  /** `onUntracked`: a request has passed uncounted. */
  constructor(rule: RateRule, buffers: RateBuffers, onUntracked: () => void = () => {}) {
    this.#onUntracked = onUntracked
    this.rule = rule
    this.buffers = buffers
    this.#words = new Int32Array(buffers.memory)
    this.#locks = new Int32Array(buffers.locks)
    this.#mask = buffers.sets - 1
    this.#sliding = rule.algorithm === 'sliding-window'
  }

  /** Memory for `entries` keys, rounded up to a power of two, at least 8. Untouched pages cost nothing. */
  static allocate(entries: number, shared = true): RateBuffers {
    const sets = Math.max(1, 2 ** Math.ceil(Math.log2(entries / WAYS)))
    const make = (bytes: number) => (shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes))
    const seed = randomBytes(4).readInt32LE()
    return { sets, seed, memory: make(sets * WORDS * 4), locks: make(sets * 4) }
  }

  /**
   * Takes `cost` of the key with the hash `low`, `high`. `into` tells what came of it. `force`: takes it also where
   * that passes the limit (what a response has cost is known only afterwards), or gives back where it is negative.
   * `now`: ms of a clock that all threads share.
   */
  take(low: number, high: number, cost: number, now: number, into: Decision, force = false): void {
    // 0, 0 marks a free place.
    if (low === 0 && high === 0) low = 1
    const words = this.#words
    const base = ((low ^ Math.imul(high, 0x9e3779b1)) & this.#mask) * WORDS
    const seconds = Math.floor(now / 1000) | 0
    for (;;) {
      let at = find(words, base, low, high)
      if (at === -1) at = this.#enter(base, low, high, now, seconds)
      if (at === -1) {
        this.#onUntracked()
        into.allowed = true
        into.remaining = this.rule.burst
        into.retryMs = 0
        into.fullMs = 0
        return
      }
      const state = Atomics.load(words, at + STATE)
      const view = this.#view(at, state, seconds)
      if (
        this.#sliding &&
        debtOf(this.rule, view, now) === 0 &&
        this.#restart(base, at, state, now, seconds)
      ) {
        continue
      }
      const next = decide(this.rule, view, cost, now, into, force)
      if (!into.allowed && !force) return
      if (Atomics.compareExchange(words, at + STATE, state, next.state) !== state) continue
      const previous = next.previous | (next.phase << PHASE_SHIFT)
      if (previous !== words[at + PREVIOUS]) words[at + PREVIOUS] = previous
      if (words[at + TOUCHED] !== seconds) words[at + TOUCHED] = seconds
      return
    }
  }

  /** What `take` would say, without taking anything. */
  peek(low: number, high: number, cost: number, now: number, into: Decision): void {
    if (low === 0 && high === 0) low = 1
    const base = ((low ^ Math.imul(high, 0x9e3779b1)) & this.#mask) * WORDS
    const at = find(this.#words, base, low, high)
    const seconds = Math.floor(now / 1000) | 0
    const view = at === -1 ? FORGOTTEN : this.#view(at, Atomics.load(this.#words, at + STATE), seconds)
    decide(this.rule, view, cost, now, into, false)
  }

  /** Whether `take` would count this key: it is there, or there is a place for it. */
  tracks(low: number, high: number, now: number): boolean {
    if (low === 0 && high === 0) low = 1
    const base = ((low ^ Math.imul(high, 0x9e3779b1)) & this.#mask) * WORDS
    if (find(this.#words, base, low, high) !== -1) return true
    return this.#victim(base, now, Math.floor(now / 1000) | 0) !== -1
  }

  #view(at: number, state: number, seconds: number): RateState {
    const view = this.#state
    view.state = state
    const previous = this.#words[at + PREVIOUS]!
    view.previous = previous & PREVIOUS_MASK
    view.phase = previous >>> PHASE_SHIFT
    view.fresh = this.#isForgotten(seconds - this.#words[at + TOUCHED]!)
    return view
  }

  /**
   * Begins the windows of a key of which nothing counts any more with this request. False: they begin so already, or it has
   * counted meanwhile.
   */
  #restart(base: number, at: number, state: number, now: number, seconds: number): boolean {
    const words = this.#words
    const phase = phaseAt(this.rule, now)
    const empty = emptyState(this.rule, phase, now)
    const fresh = this.#isForgotten(seconds - words[at + TOUCHED]!)
    if (!fresh && state === empty && words[at + PREVIOUS] === phase << PHASE_SHIFT) return false
    const set = base / WORDS
    lockSet(this.#locks, set)
    try {
      // Whoever reads a phase and a state that do not belong together finds a window of long ago, and comes here too.
      const old = empty ^ OTHER_WINDOW
      if (Atomics.compareExchange(words, at + STATE, state, old) !== state) return true
      words[at + PREVIOUS] = phase << PHASE_SHIFT
      words[at + TOUCHED] = seconds
      Atomics.compareExchange(words, at + STATE, old, empty)
      return true
    } finally {
      unlockSet(this.#locks, set)
    }
  }

  /** So long untouched that nothing is owed any more, and that its words could be misread. */
  #isForgotten(idleSeconds: number): boolean {
    const { algorithm, burst, unitsPerToken, unitMs, perMs } = this.rule
    const memoryMs = algorithm === 'token-bucket' ? burst * unitsPerToken * unitMs * 2 : 2 * perMs
    return idleSeconds > memoryMs / 1000 + 1
  }

  /** A place for a new key in the set at `base`; -1 when all are being limited. */
  #enter(base: number, low: number, high: number, now: number, seconds: number): number {
    const words = this.#words
    const set = base / WORDS
    lockSet(this.#locks, set)
    try {
      const there = find(words, base, low, high)
      if (there !== -1) return there
      const at = this.#victim(base, now, seconds)
      if (at === -1) return -1
      words[at + LOW] = 0
      words[at + HIGH] = 0
      Atomics.store(words, at + STATE, 0)
      words[at + PREVIOUS] = 0
      // Far back: what stands in the state says nothing yet.
      words[at + TOUCHED] = seconds - 0x3fffffff
      words[at + HIGH] = high
      Atomics.store(words, at + LOW, low)
      return at
    } finally {
      unlockSet(this.#locks, set)
    }
  }

  #victim(base: number, now: number, seconds: number): number {
    const words = this.#words
    let best = -1
    // One more request of somebody who owes this much would be refused.
    let least = this.rule.burst - 1
    if (least <= 0) least = Number.MIN_VALUE
    for (let at = base; at < base + WAYS; at++) {
      if (words[at + LOW] === 0 && words[at + HIGH] === 0) return at
      const debt = debtOf(this.rule, this.#view(at, Atomics.load(words, at + STATE), seconds), now)
      if (debt === 0) return at
      if (debt < least) {
        least = debt
        best = at
      }
    }
    return best
  }
}

function find(words: Int32Array, base: number, low: number, high: number): number {
  for (let at = base; at < base + WAYS; at++) {
    if (words[at + LOW] === low && words[at + HIGH] === high) return at
  }
  return -1
}
