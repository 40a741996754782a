import type { Backend } from './backend.ts'
import * as at from '../table/columns.ts'
import type { PickContext } from './pick-context.ts'
import { ramp, RAMP_STEPS } from './slow-start.ts'
import { CLOSED, DRAIN, OPEN, PROBE_DOWN, READY } from './states.ts'
import { breakerOf } from '../table/table.ts'
import { NO_LIMIT, type BackendTable } from '../table/table.ts'

/** A trial that has not ended after this long is given up (its thread may have died) and another is let through. */
export const TRIAL_LAPSE_MS = 60_000

/**
 * The backends that may be picked, as one thread sees them: rebuilt when the pool's version changed or `staleAt` has
 * passed, so that a pick never looks at a backend that is out. 30,000 backends are rebuilt in about 2 ms.
 */
export class View {
  readonly backends: readonly Backend[]
  readonly table: BackendTable
  /** Row of the pool. */
  readonly pool: number
  /** 0..1 by position. */
  readonly ramps: Float64Array
  /** Usable positions, in order. */
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

  // Dense columns: what a pick among 30,000 asks of here is 120 KB and stays in the near cache. Rows of 32 bytes with
  // all of it side by side were slower: a miss of 20 to 100 ns before the slot was even known.
  readonly #slots: Int32Array
  /** Slot of position 0 when the slots follow each other, as the registry hands them out; else -1. */
  readonly #firstSlot: number
  readonly #limits: Int32Array
  /** Leases that it may have: 0 while it is not usable, NO_LIMIT without maxConnections. */
  readonly #room: Int32Array
  /** Draining, and kept for those who hold their sticky cookie: position → leases that it may have. */
  readonly #kept = new Map<number, number>()
  readonly #weights: Float64Array
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
    this.ramps = new Float64Array(backends.length)
    this.usable = new Int32Array(backends.length)
    this.#slots = new Int32Array(backends.length)
    this.#limits = new Int32Array(backends.length)
    const first = backends[0]?.slot ?? 0
    let inOrder = true
    // Int32Array.from takes ten times as long.
    for (let position = 0; position < backends.length; position++) {
      const { slot, maxConnections } = backends[position]!
      this.#slots[position] = slot
      this.#limits[position] = maxConnections ?? NO_LIMIT
      inOrder &&= slot === first + position
    }
    this.#firstSlot = inOrder ? first : -1
    this.#room = new Int32Array(backends.length)
    this.#weights = new Float64Array(backends.length)
    this.#logWeights = new Float64Array(backends.length)
    this.#panicThreshold = panicThreshold
    this.#slowStartMs = slowStartMs
  }

  /** The usable position at `place`, 0 to count - 1. */
  at(place: number): number {
    // Mostly all are usable: then the list need not be fetched.
    return this.count === this.backends.length ? place : this.usable[place]!
  }

  slot(position: number): number {
    return this.#firstSlot >= 0 ? this.#firstSlot + position : this.#slots[position]!
  }

  /** Leases that it may have: 0 while it is not usable, NO_LIMIT without maxConnections. */
  room(position: number): number {
    return this.#room[position]! || (this.#kept.get(position) ?? 0)
  }

  /** Effective weight: the operator's or the configured one, times the slow start ramp. */
  weight(position: number): number {
    return this.#weights[position]!
  }

  logWeight(position: number): number {
    return this.#logWeights[position]!
  }

  isUsable(position: number): boolean {
    return this.#room[position] !== 0
  }

  active(position: number): number {
    return this.table.ints[this.slot(position) * at.INTS + at.ACTIVE]!
  }

  /**
   * Leases out, or -1 when it may not have another. A plain read (Atomics.load costs 8 ns more): whoever takes the lease
   * does so by compare-and-swap, which finds out what is no longer so.
   */
  activeIfFree(position: number): number {
    const active = this.table.ints[this.slot(position) * at.INTS + at.ACTIVE]!
    return active < this.#room[position]! ? active : -1
  }

  isFull(position: number): boolean {
    return this.activeIfFree(position) < 0
  }

  /** It may be picked now, for this context. */
  admits(position: number, context: PickContext): boolean {
    return this.activeIfFree(position) >= 0 && this.spares(position, context)
  }

  /** It may be picked for a client that holds its sticky cookie: as any other, or while it drains and keeps these. */
  takesBack(position: number, context: PickContext): boolean {
    return this.active(position) < this.room(position) && this.spares(position, context)
  }

  /** It was not tried already. */
  spares(position: number, context: PickContext): boolean {
    const tried = context.tried
    return tried === undefined || tried.length === 0 || !tried.includes(this.backends[position]!)
  }

  rebuild(now: number): void {
    this.revision++
    this.staleAt = Infinity
    let ready = 0
    let backups = 0
    this.#clear()
    this.#kept.clear()
    for (let position = 0; position < this.backends.length; position++) {
      const backend = this.backends[position]!
      const admin = this.table.int(backend.slot, at.ADMIN)
      if (admin === DRAIN) this.#keep(backend, position, now)
      if (admin !== READY) continue
      if (!backend.backup) ready++
      if (!this.#healthy(backend.slot, now)) continue
      if (backend.backup) backups++
      else this.#add(backend, position, now)
    }
    const healthy = this.count
    this.onBackups = healthy === 0 && backups > 0
    this.panic = !this.onBackups && healthy < ready * this.#panicThreshold
    if (!this.onBackups && !this.panic) return
    this.#clear()
    for (let position = 0; position < this.backends.length; position++) {
      const backend = this.backends[position]!
      if (this.table.int(backend.slot, at.ADMIN) !== READY || backend.backup !== this.onBackups) continue
      if (this.panic || this.#healthy(backend.slot, now)) this.#add(backend, position, now)
    }
    // In a panic breakers are ignored, so there are no trials.
    if (this.panic) this.trials = 0
  }

  #clear(): void {
    for (let i = 0; i < this.count; i++) this.#room[this.usable[i]!] = 0
    this.count = 0
    this.trials = 0
    this.ramping = false
  }

  #keep({ slot }: Backend, position: number, now: number): void {
    const until = this.table.float(slot, at.SESSIONS_UNTIL)
    if (until <= now) return
    this.staleAt = Math.min(this.staleAt, until)
    if (this.#healthy(slot, now)) this.#kept.set(position, this.#limits[position]!)
  }

  #add(backend: Backend, position: number, now: number): void {
    const { slot } = backend
    if (breakerOf(this.table.int(slot, at.BREAKER)) !== CLOSED) this.trials++
    let share = 1
    const since = this.table.float(slot, at.SLOW_SINCE)
    if (since > 0 && now < since + this.#slowStartMs) {
      share = ramp(now - since, this.#slowStartMs)
      this.ramping = true
      this.staleAt = Math.min(this.staleAt, now + this.#slowStartMs / RAMP_STEPS)
    }
    this.ramps[position] = share
    const weight = backend.weight * share
    // A logarithm costs 10 ns, and weights seldom change.
    if (weight !== this.#weights[position]) this.#logWeights[position] = Math.log(weight)
    this.#weights[position] = weight
    this.#room[position] = this.#limits[position]!
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
