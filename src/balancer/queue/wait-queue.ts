import type { Clock } from '../../core/clock.ts'
import { guarded, soon, type Contained } from '../../core/containment.ts'
import * as at from '../table/columns.ts'
import type { Waiter } from './waiter.ts'
import type { Lease } from '../pool/lease.ts'
import type { PickContext } from '../pool/pick-context.ts'
import type { BackendTable } from '../table/table.ts'

/** A pool, as far as its queue needs it. */
interface Leasing {
  readonly config: { readonly queue: { readonly max: number } }
  /** How long a request that comes now may wait. */
  waitMs(context: PickContext): number
  acquireNow(context: PickContext): Lease | undefined
  /** Where those who wait go on; null: nowhere, but the pool is one of an earlier configuration. */
  readonly heir: Leasing | null | undefined
}

type Settle = (lease: Lease | undefined) => void

/** A place in the queue: a node of a doubly linked list, so that leaving from the middle costs nothing. */
class Place implements Waiter {
  pool: Leasing
  readonly context: PickContext
  readonly ticket: number
  readonly deadline: number
  /** When those that it has tried may be tried again (queue.whileDown). */
  readonly againAt: number
  settle: Settle | undefined
  lease: Lease | undefined
  owner: Contained | undefined
  before: Place | undefined
  after: Place | undefined
  readonly #queue: WaitQueue

  constructor(
    queue: WaitQueue,
    pool: Leasing,
    context: PickContext,
    ticket: number,
    now: number,
    timeoutMs: number,
    settle: Settle
  ) {
    this.#queue = queue
    this.pool = pool
    // The caller may reuse its context.
    this.context = { ...context, tried: context.tried?.slice() }
    this.ticket = ticket
    this.deadline = now + timeoutMs
    this.againAt = now + AGAIN_MS
    this.settle = settle
  }

  get hasTried(): boolean {
    const { tried } = this.context
    return tried !== undefined && tried.length > 0
  }

  /** Until it has a backend, those behind it wait: not for one that has tried all there are, or whose backends are of the past. */
  get holdsUp(): boolean {
    while (this.pool.heir) this.pool = this.pool.heir
    return !this.hasTried && this.pool.heir === undefined
  }

  cancel(): void {
    if (this.settle === undefined) return
    this.settle = undefined
    this.#queue.leave(this)
    this.lease?.release('unused')
  }
}

/** One that has tried every backend tries them once more after this long: a service that restarts refuses meanwhile. */
const AGAIN_MS = 250

/** How often waiters are looked after besides releases: for deadlines, recovered backends and lost wakes. */
const TICK_MS = 20

const queues = new WeakMap<BackendTable, Map<number, WaitQueue>>()

/** The queue of one pool row in this thread; pools of older snapshots share it, since the row's words have one writer. */
export function waitQueue(table: BackendTable, pool: number, clock: Clock): WaitQueue {
  let ofTable = queues.get(table)
  if (ofTable === undefined) queues.set(table, (ofTable = new Map()))
  let queue = ofTable.get(pool)
  if (queue === undefined) ofTable.set(pool, (queue = new WaitQueue(table, pool, clock)))
  return queue
}

/** For runtime, when another thread's TableSignals.wake named this one. */
export function wakeQueue(table: BackendTable, pool: number): void {
  queues.get(table)?.get(pool)?.serve(1)
}

/**
 * One thread's part of a pool's queue. Tickets order waiters over all threads; each thread publishes its oldest, and
 * whoever frees a place serves the oldest of all: its own at once, another thread's by a signal. Strictly so, although the
 * connection that goes with the place then changes threads: what let a thread's own waiter pass by up to 32 places, to save
 * that, made those of the other thread wait until their time was up.
 */
export class WaitQueue {
  readonly #table: BackendTable
  readonly #pool: number
  readonly #clock: Clock
  /** Index of this thread's HEAD and LENGTH. */
  readonly #own: number
  readonly #waiting: number
  #first: Place | undefined
  #last: Place | undefined
  #cancelTick: (() => void) | undefined

  constructor(table: BackendTable, pool: number, clock: Clock) {
    this.#table = table
    this.#pool = pool
    this.#clock = clock
    this.#own = (table.thread * table.buffers.poolCapacity + pool) * at.QUEUES
    this.#waiting = pool * at.POOL_INTS + at.WAITING
  }

  /** What `settle` throws ends `owner`. */
  push(pool: Leasing, context: PickContext, settle: Settle, owner?: Contained): Waiter | undefined {
    const { max } = pool.config.queue
    const timeoutMs = pool.waitMs(context)
    const words = this.#table.pools
    for (let count = Atomics.load(words, this.#waiting); ;) {
      if (count >= max) return undefined
      const seen = Atomics.compareExchange(words, this.#waiting, count, count + 1)
      if (seen === count) break
      count = seen
    }
    let ticket = 0
    // 0 means that nobody waits.
    while (ticket === 0) ticket = (Atomics.add(words, this.#pool * at.POOL_INTS + at.TICKET, 1) + 1) | 0
    const place = new Place(this, pool, context, ticket, this.#clock.now(), timeoutMs, settle)
    place.owner = owner
    place.before = this.#last
    if (this.#last === undefined) this.#first = place
    else this.#last.after = place
    this.#last = place
    this.#table.queues[this.#own + at.LENGTH]!++
    this.#publish()
    // A place may have been freed between the caller's acquire and here, by a thread that saw nobody wait.
    this.serve(1)
    this.#arm()
    return place
  }

  /** Gives up to `most` places to the oldest waiters of all threads. */
  serve(most: number): void {
    for (let served = 0; served < most; served++) {
      const oldest = this.#nextThread()
      if (oldest < 0) return
      if (oldest !== this.#table.thread) {
        this.#table.signals?.wake(oldest, this.#pool)
        return
      }
      if (!this.#serveOwn()) return
    }
  }

  leave(place: Place): void {
    if (place.ticket === 0 || !this.#holds(place)) return
    if (place.before === undefined) this.#first = place.after
    else place.before.after = place.after
    if (place.after === undefined) this.#last = place.before
    else place.after.before = place.before
    place.before = place.after = undefined
    this.#table.queues[this.#own + at.LENGTH]!--
    this.#publish()
    Atomics.sub(this.#table.pools, this.#waiting, 1)
  }

  #holds(place: Place): boolean {
    return place.before !== undefined || place.after !== undefined || this.#first === place
  }

  /** The oldest that can be served. */
  #serveOwn(): boolean {
    for (let place = this.#first; place !== undefined; place = place.after) {
      const { holdsUp } = place
      const lease = place.pool.acquireNow(place.context)
      if (lease === undefined) {
        if (holdsUp) return false
        continue
      }
      this.leave(place)
      this.#settle(place, lease)
      return true
    }
    return false
  }

  /** Settled in a microtask: the caller may be in the middle of another exchange. */
  #settle(place: Place, lease: Lease | undefined): void {
    place.lease = lease
    soon(() => {
      const settle = place.settle
      place.settle = undefined
      place.lease = undefined
      settle?.(lease)
    }, place.owner)
  }

  #publish(): void {
    let place = this.#first
    while (place !== undefined && !place.holdsUp) place = place.after
    Atomics.store(this.#table.queues, this.#own + at.HEAD, place?.ticket ?? 0)
  }

  /** The thread whose waiter is served next: that of the oldest. */
  #nextThread(): number {
    const { queues, buffers } = this.#table
    let oldest = -1
    let oldestTicket = 0
    for (let thread = 0; thread < buffers.threads; thread++) {
      const ticket = Atomics.load(queues, (thread * buffers.poolCapacity + this.#pool) * at.QUEUES + at.HEAD)
      // Tickets wrap: the difference orders them.
      if (ticket === 0 || (oldest >= 0 && ((ticket - oldestTicket) | 0) >= 0)) continue
      oldest = thread
      oldestTicket = ticket
    }
    return oldest < 0 && this.#first?.holdsUp === false ? this.#table.thread : oldest
  }

  #arm(): void {
    if (this.#cancelTick !== undefined || this.#first === undefined) return
    this.#cancelTick = this.#clock.after(TICK_MS, () => {
      this.#cancelTick = undefined
      const now = this.#clock.now()
      for (let place = this.#first; place !== undefined;) {
        const next: Place | undefined = place.after
        if (place.deadline <= now) {
          this.leave(place)
          this.#settle(place, undefined)
        } else if (place.hasTried && place.againAt <= now) {
          place.context.tried = undefined
        }
        place = next
      }
      // Pools may have been replaced.
      this.#publish()
      guarded(() => this.serve(Infinity))
      this.#arm()
    })
  }
}
