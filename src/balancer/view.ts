import * as at from './columns.ts'
import type { Backend } from './backend.ts'
import type { PickContext } from './pick-context.ts'
import { breakerOf, CLOSED, OPEN, PROBE_DOWN, READY } from './states.ts'
import { ramp, RAMP_STEPS } from './slow-start.ts'
import type { BackendTable } from './table.ts'

/** A trial that has not ended after this long is given up (its thread may have died) and another is let through. */
export const TRIAL_LAPSE_MS = 60_000

/**
 * Who may be picked, as one thread knows it: rebuilt when the pool's version moved or `staleAt` has passed, so that a
 * pick never looks at a backend that is out. 30,000 backends are rebuilt in about 1 ms.
 */
export class View {
  readonly backends: readonly Backend[]
  readonly table: BackendTable
  readonly slots: Int32Array
  /** maxConnections by position, 0: none. */
  readonly limits: Int32Array
  /** Effective weight by position: the operator's or the configured one, times the slow start ramp. */
  readonly weights: Float64Array
  /** 0..1 by position. */
  readonly ramps: Float64Array
  /** 1 for the positions listed in `usable`. */
  readonly flags: Uint8Array
  readonly usable: Int32Array
  count = 0
  /** Health is ignored: fewer than the panic threshold are healthy. */
  panic = false
  onBackups = false
  /** Some usable backend is in slow start. */
  ramping = false
  /** Usable backends whose breaker waits for its trial. */
  trials = 0
  /** Clock.now() at which time alone changes the view; Infinity: never. */
  staleAt = 0
  /** Grows with each rebuild: what selectors derive from the view carries it. */
  revision = 0

  /** Row of the pool. */
  readonly pool: number
  readonly #logWeights: Float64Array
  readonly #panicThreshold: number
  readonly #slowStartMs: number

  constructor(
    backends: readonly Backend[],
    table: BackendTable,
    pool: number,
    panicThreshold: number,
    slowStartMs: number
  ) {
    this.backends = backends
    this.table = table
    this.pool = pool
    this.slots = Int32Array.from(backends, (backend) => backend.slot)
    this.limits = Int32Array.from(backends, (backend) => backend.maxConnections ?? 0)
    this.weights = new Float64Array(backends.length)
    this.#logWeights = new Float64Array(backends.length)
    this.ramps = new Float64Array(backends.length)
    this.flags = new Uint8Array(backends.length)
    this.usable = new Int32Array(backends.length)
    this.#panicThreshold = panicThreshold
    this.#slowStartMs = slowStartMs
  }

  active(position: number): number {
    return Atomics.load(this.table.ints, this.slots[position]! * at.INTS + at.ACTIVE)
  }

  /** Virtual time of its last pick: decides between equals. */
  pass(position: number): number {
    return this.table.hot[this.slots[position]! * at.HOT_FLOATS + at.PASS]!
  }

  logWeight(position: number): number {
    return this.#logWeights[position]!
  }

  isFull(position: number): boolean {
    const limit = this.limits[position]!
    return limit !== 0 && this.active(position) >= limit
  }

  /** It may be picked now, for this context. */
  admits(position: number, context: PickContext): boolean {
    if (this.flags[position] === 0 || this.isFull(position)) return false
    const tried = context.tried
    return tried === undefined || tried.length === 0 || !tried.includes(this.backends[position]!)
  }

  rebuild(now: number): void {
    this.revision++
    this.staleAt = Infinity
    this.trials = 0
    this.ramping = false
    this.panic = false
    this.onBackups = false
    let ready = 0
    let backups = 0
    this.count = 0
    for (let position = 0; position < this.slots.length; position++) {
      const slot = this.slots[position]!
      this.flags[position] = 0
      const backup = this.backends[position]!.backup
      if (this.table.int(slot, at.ADMIN) !== READY) continue
      if (!backup) ready++
      if (!this.#healthy(slot, now)) continue
      if (backup) backups++
      else this.#add(position, now)
    }
    const healthy = this.count
    if (healthy === 0 && backups > 0) {
      this.onBackups = true
      this.#refill(now, (backend) => backend.backup && this.#healthy(backend.slot, now))
    } else if (this.#panicThreshold > 0 && healthy < ready * this.#panicThreshold) {
      this.panic = true
      this.#refill(now, (backend) => !backend.backup)
    }
  }

  #refill(now: number, wanted: (backend: Backend) => boolean): void {
    this.count = 0
    this.trials = 0
    this.ramping = false
    this.flags.fill(0)
    for (const backend of this.backends) {
      if (this.table.int(backend.slot, at.ADMIN) === READY && wanted(backend))
        this.#add(backend.position, now)
    }
  }

  #add(position: number, now: number): void {
    const backend = this.backends[position]!
    if (breakerOf(this.table.int(backend.slot, at.BREAKER)) !== CLOSED) this.trials++
    let share = 1
    const since = this.table.float(backend.slot, at.SLOW_SINCE)
    if (since > 0 && this.#slowStartMs > 0 && now < since + this.#slowStartMs) {
      share = ramp(now - since, this.#slowStartMs)
      this.ramping = true
      this.staleAt = Math.min(this.staleAt, now + this.#slowStartMs / RAMP_STEPS)
    }
    this.ramps[position] = share
    const weight = backend.weight * share
    // Logarithms cost 10 ns and weights seldom change.
    if (weight !== this.weights[position]) this.#logWeights[position] = Math.log(weight)
    this.weights[position] = weight
    this.flags[position] = 1
    this.usable[this.count++] = position
  }

  /** As Backend.healthy, and notes when time will change the answer. */
  #healthy(slot: number, now: number): boolean {
    if (this.table.int(slot, at.PROBE) === PROBE_DOWN || this.table.int(slot, at.EJECTED) === 1) return false
    const breaker = breakerOf(this.table.int(slot, at.BREAKER))
    if (breaker === CLOSED) return true
    const until =
      breaker === OPEN
        ? this.table.float(slot, at.OPEN_UNTIL)
        : this.table.float(slot, at.TRIAL_AT) + TRIAL_LAPSE_MS
    if (now >= until) return true
    this.staleAt = Math.min(this.staleAt, until)
    return false
  }
}
