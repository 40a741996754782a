import type { PoolConfig } from '../../config/model/model.ts'
import type { Clock } from '../../core/clock.ts'
import { contain, type Contained } from '../../core/containment.ts'
import type { Random } from '../../core/random.ts'
import { algorithms } from '../algorithms.ts'
import type { Backend } from './backend.ts'
import { backendsOf } from './backends-of.ts'
import { joinRow, type RowPools } from './row-pools.ts'
import * as at from '../table/columns.ts'
import { Lease, succeeded, type Lessor, type Outcome } from './lease.ts'
import { observeLatency } from './peak-ewma.ts'
import type { PickContext } from './pick-context.ts'
import type { Selector } from '../selectors/selector.ts'
import type { PoolSlots } from '../table/slot-registry.ts'
import { CLOSED, type ChangeEvent } from './states.ts'
import { breakerOf, type BackendTable } from '../table/table.ts'
import { claimTrial } from './trial.ts'
import { View } from './view.ts'
import { waitQueue, type WaitQueue } from '../queue/wait-queue.ts'
import type { Waiter } from '../queue/waiter.ts'

/**
 * The breaker's policy, in health/; `breakerWord` is the one that held when the lease was given. It is not told of a
 * success of a closed breaker with no failure before it, which is nearly every release.
 */
export type OnRelease = (
  backend: Backend,
  outcome: Outcome,
  breakerWord: number,
  /** All of the pool. */
  peers: readonly Backend[]
) => void

export interface PoolDeps {
  readonly config: PoolConfig
  readonly slots: PoolSlots
  readonly table: BackendTable
  readonly clock: Clock
  readonly random: Random
  /** The pool of the snapshot before, if it was of the same name: what stayed the same keeps its Backend. */
  readonly before?: Pool | undefined
  readonly onRelease?: OnRelease
  /** One call per change, by the thread that made it. */
  readonly onChange?: (event: ChangeEvent) => void
}

/** Losing the race for a backend's last place is rare; after this many losses in a row the pool is treated as full. */
const CLAIMS = 16

/** A set of backends and how to balance over them: one per snapshot and thread, over state that all share. */
export class Pool implements Lessor {
  readonly name: string
  readonly config: PoolConfig
  readonly backends: readonly Backend[]
  /** Row in the table. */
  readonly row: number
  readonly table: BackendTable
  readonly #clock: Clock
  readonly #selector: Selector
  readonly #view: View
  readonly #queue: WaitQueue
  readonly #rowPools: RowPools
  /** This pool of a later configuration, for those who wait here; null: what they began with does not fit it. */
  heir: Pool | null | undefined
  /** Made when somebody asks by name: of 20,000 it takes 2 ms, and each change of one backend makes a new pool. */
  #positions: Map<string, number> | undefined
  readonly #onRelease: OnRelease | undefined
  readonly #onChange: ((event: ChangeEvent) => void) | undefined
  readonly #timed: boolean
  readonly #queues: boolean
  readonly #waitsWhileDown: boolean
  readonly #counts: boolean
  #version: number

  constructor(deps: PoolDeps) {
    const { config, slots, table, clock, random } = deps
    this.name = config.name
    this.config = config
    this.row = slots.pool
    this.table = table
    this.#clock = clock
    this.#onRelease = deps.onRelease
    this.#onChange = deps.onChange
    this.backends = backendsOf(deps)
    this.#view = new View(this.backends, table, slots.pool, config.panicThreshold, config.slowStartMs)
    this.#version = table.version(slots.pool) - 1
    this.#selector = algorithms[config.algorithm]({
      config,
      table,
      pool: slots.pool,
      random,
      tree: slots.tree
    })
    this.#counts = config.algorithm === 'hash' && config.hash.boundedLoad !== undefined
    this.#queues = config.queue.max > 0
    this.#waitsWhileDown = this.#queues && config.queue.whileDownMs !== undefined
    this.#timed = config.algorithm === 'least-time'
    this.#rowPools = joinRow(this)
    this.#queue = waitQueue(table, slots.pool, clock)
  }

  /** Builds in advance what the first pick would otherwise wait for. The caller may do other work between the pieces. */
  *prepare(): Generator<void> {
    const view = this.#fresh()
    yield
    if (this.config.sticky !== undefined) {
      this.#positionOf('')
      yield
    }
    if (this.#selector.prepare !== undefined) yield* this.#selector.prepare(view)
  }

  /** A backend to use now, or undefined: none may serve, or others wait for their turn (see `saturated`). */
  acquire(context: PickContext): Lease | undefined {
    // A request that comes while others wait goes behind them.
    if (this.#queues && this.table.someWait(this.row)) return undefined
    return this.acquireNow(context)
  }

  /** As `acquire`, past the queue: for the queue itself. */
  acquireNow(context: PickContext): Lease | undefined {
    const view = this.#fresh()
    for (let claim = 0; claim < CLAIMS; claim++) {
      const position = this.#pick(view, context)
      if (position < 0) return undefined
      const backend = view.backends[position]!
      if (!this.#take(position, view)) continue
      // A plain read is enough: the compare-and-swap that took the lease ordered the memory accesses.
      const word = this.table.ints[view.slot(position) * at.INTS + at.BREAKER]!
      if (breakerOf(word) === CLOSED || view.panic) return new Lease(backend, position, this, word)
      const trial = claimTrial(backend, this.#clock, this.#onChange)
      if (trial !== undefined) return new Lease(backend, position, this, trial)
      // It opened since the view was built, or another thread has the trial.
      this.#give(position)
      view.rebuild(this.#clock.now())
    }
    return undefined
  }

  /** Some backends are healthy, but all of them are at maxConnections or reserved for earlier waiters: waiting makes sense. */
  get saturated(): boolean {
    if (this.table.waiting(this.row) > 0) return true
    const view = this.#fresh()
    for (let i = 0; i < view.count; i++) if (!view.isFull(view.usable[i]!)) return false
    return view.count > 0
  }

  /** With `queue.whileDown` a request that every backend refused waits, too. */
  get waitsWhileDown(): boolean {
    return this.#waitsWhileDown && this.backends.some(({ admin }) => admin === 'ready')
  }

  /** Until when a request that every backend refused may wait; undefined without `queue.whileDown`. */
  downUntil(): number | undefined {
    return this.#waitsWhileDown ? this.#clock.now() + this.config.queue.whileDownMs! : undefined
  }

  /** Whether that time has come. */
  isPast(time: number | undefined): boolean {
    return time === undefined || this.#clock.now() >= time
  }

  /** A pick that found no backend may wait in the queue: for a place, or with `queue.whileDown` until a backend returns. */
  get worthWaiting(): boolean {
    return this.saturated || this.waitsWhileDown
  }

  /** For the queue: how long a request that comes now may wait. */
  waitMs({ tried, waitUntil }: PickContext): number {
    const { timeoutMs, whileDownMs = 0 } = this.config.queue
    const down = this.#fresh().count === 0 || (tried !== undefined && tried.length > 0)
    const most = waitUntil === undefined ? Infinity : Math.max(0, waitUntil - this.#clock.now())
    return Math.min(most, down ? Math.max(timeoutMs, whileDownMs) : timeoutMs)
  }

  /** What a backend counts for now: its weight, less of it in slow start, 0 while it is not picked. */
  effectiveWeight(backend: Backend): number {
    const view = this.#fresh()
    const position = this.#positionOf(backend.name)!
    return view.isUsable(position) ? view.weight(position) : 0
  }

  /** Health is ignored, since too few are healthy. */
  get panic(): boolean {
    return this.#fresh().panic
  }

  /** Waiters over all threads. */
  get waiting(): number {
    return this.table.waiting(this.row)
  }

  /**
   * Waits for a lease behind those who wait already, in any thread, for at most queue.timeout. `settle` is called
   * later, never from within; with undefined when the time is up. Undefined: the queue is full.
   */
  enqueue(
    context: PickContext,
    settle: (lease: Lease | undefined) => void,
    owner?: Contained
  ): Waiter | undefined {
    return this.#queue.push(this, context, settle, owner)
  }

  /** Called by its leases. */
  released(lease: Lease, outcome: Outcome, latencyMs: number): void {
    if (outcome !== 'unused') this.table.count(this.#view.slot(lease.position), succeeded(outcome) === false)
    // An error of the breaker is contained: the place is given back in any case.
    try {
      this.#learn(lease, outcome, latencyMs)
    } catch (error) {
      contain(error)
    }
    this.#give(lease.position)
    if (this.table.waiting(this.row) > 0) this.#queue.serve(1)
  }

  /** Called by its leases. */
  answered(lease: Lease, latencyMs: number): void {
    this.#learn(lease, 'ok', latencyMs)
  }

  #learn(lease: Lease, outcome: Outcome, latencyMs: number): void {
    const slot = this.#view.slot(lease.position)
    const success = succeeded(outcome)
    if (this.#timed) {
      if (success !== undefined || outcome === 'loaded')
        observeLatency(this.table, slot, latencyMs, outcome, this.#clock.now())
    } else if (success === true && latencyMs >= 0) this.table.averageLatency(slot, latencyMs)
    if (this.#onRelease === undefined) return
    // Plain reads: a failure counted by another thread this very moment came later.
    const word = this.table.ints[slot * at.INTS + at.BREAKER]!
    if (success === true && breakerOf(word) === CLOSED && this.table.ints[slot * at.INTS + at.STREAK] === 0)
      return
    this.#onRelease(lease.backend, outcome, lease.breakerWord, this.backends)
  }

  byName(name: string): Backend | undefined {
    const position = this.#positionOf(name)
    return position === undefined ? undefined : this.backends[position]
  }

  #positionOf(name: string): number | undefined {
    this.#positions ??= new Map(this.backends.map((backend, position) => [backend.name, position]))
    return this.#positions.get(name)
  }

  #pick(view: View, context: PickContext): number {
    if (context.sticky !== undefined) {
      const position = this.#positionOf(context.sticky)
      if (position !== undefined && view.takesBack(position, context)) return position
    }
    return this.#selector.pick(view, context)
  }

  #take(position: number, view: View): boolean {
    const taken = this.table.take(view.slot(position), at.ACTIVE, at.HELD_ACTIVE, view.room(position))
    if (taken && this.#counts) this.table.countInPool(this.row, 1)
    if (this.#selector.changed !== undefined) this.#changed(view, position)
    return taken
  }

  #give(position: number): void {
    const slot = this.#view.slot(position)
    this.table.give(slot, at.ACTIVE, at.HELD_ACTIVE)
    if (this.#counts) this.table.countInPool(this.row, -1)
    if (this.#selector.changed !== undefined) this.#changed(this.#fresh(), position)
  }

  /** Its load has changed: the load tree of this pool is told, and that of the next snapshot, which may have other members. */
  #changed(view: View, position: number): void {
    this.#selector.changed!(view, position)
    const { newest } = this.#rowPools
    if (newest !== this) newest.changedSlot(view.slot(position))
  }

  /** By a lease of an older snapshot's pool. */
  changedSlot(slot: number): void {
    const view = this.#fresh()
    const position = this.backends.findIndex((backend) => backend.slot === slot)
    if (position >= 0) this.#selector.changed?.(view, position)
  }

  #fresh(): View {
    const version = this.table.version(this.row)
    // The clock is asked only while time alone may change the view: reading it costs 60 ns.
    if (
      version === this.#version &&
      (this.#view.staleAt === Infinity || this.#clock.now() < this.#view.staleAt)
    ) {
      return this.#view
    }
    this.#version = version
    this.#view.rebuild(this.#clock.now())
    return this.#view
  }
}
