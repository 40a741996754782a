import * as at from './columns.ts'

/** In place of a limit: no count comes so far. */
export const NO_LIMIT = 0x3fffffff

/** What passes to a worker in workerData: the memory itself is shared, not copied. */
export interface TableBuffers {
  readonly capacity: number
  readonly poolCapacity: number
  readonly threads: number
  readonly ints: ArrayBufferLike
  readonly floats: ArrayBufferLike
  readonly held: ArrayBufferLike
  readonly totals: ArrayBufferLike
  readonly pools: ArrayBufferLike
  readonly queues: ArrayBufferLike
  readonly virtualTime: ArrayBufferLike
  readonly sessions: ArrayBufferLike
}

export interface TableSize {
  /** Backends. Untouched pages cost nothing, so the default is the largest that a 16-bit place can name. */
  readonly capacity?: number
  readonly poolCapacity?: number
  /** Threads that pick: 1 (the main thread, row 0) + workers (rows 1 …). */
  readonly threads?: number
  /** false: a plain ArrayBuffer for one thread. */
  readonly shared?: boolean
}

/** What other threads must be told, injected by runtime. Called only when somebody waits. */
export interface TableSignals {
  /** `thread` holds the oldest waiter of pool `pool`: it shall call `wakeQueue(table, pool)`. */
  wake(thread: number, pool: number): void
  /** A request waits for a socket of `slot`: threads with idle ones shall close one. */
  shed(slot: number): void
  /** A socket of `slot` was given back and `thread` waits for one: it shall try again. */
  freed(thread: number, slot: number): void
}

/**
 * The state of all backends, one memory for all threads. It holds numbers and moves them; what they mean is said by
 * Backend, Pool and the policies of health/.
 */
export class BackendTable {
  readonly buffers: TableBuffers
  readonly thread: number
  readonly capacity: number
  readonly ints: Int32Array
  /** `ints` as floats, for EWMA_AT and LOG_COST, and as short ones, for EWMA. */
  readonly hot: Float64Array
  readonly shorts: Float32Array
  readonly floats: Float64Array
  /** Rows of all threads; a thread writes its own only, and the main thread that of a dead one. */
  readonly held: Int32Array
  readonly totals: Float64Array
  readonly pools: Int32Array
  readonly queues: Int32Array
  /** Per pool: the turn of the last pick by load (LoadTree). Any thread; it only decides between equals. */
  readonly virtualTime: Float64Array
  /** Touched only for backends that drain and keep their sessions. */
  readonly sessions: Int32Array
  /** Set by runtime when there are other threads. */
  signals: TableSignals | undefined
  readonly #row: number

  constructor(buffers: TableBuffers, thread = 0) {
    this.buffers = buffers
    this.thread = thread
    this.capacity = buffers.capacity
    this.ints = new Int32Array(buffers.ints)
    this.hot = new Float64Array(buffers.ints)
    this.shorts = new Float32Array(buffers.ints)
    this.floats = new Float64Array(buffers.floats)
    this.held = new Int32Array(buffers.held)
    this.totals = new Float64Array(buffers.totals)
    this.pools = new Int32Array(buffers.pools)
    this.queues = new Int32Array(buffers.queues)
    this.virtualTime = new Float64Array(buffers.virtualTime)
    this.sessions = new Int32Array(buffers.sessions)
    this.#row = thread * buffers.capacity
  }

  static create(size: TableSize = {}): BackendTable {
    const { capacity = 65_536, poolCapacity = 4096, threads = 1, shared = true } = size
    const make = (bytes: number) => (shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes))
    return new BackendTable({
      capacity,
      poolCapacity,
      threads,
      ints: make(capacity * at.INTS * 4),
      floats: make(capacity * at.FLOATS * 8),
      held: make(threads * capacity * at.HELD * 4),
      totals: make(threads * capacity * at.TOTALS * 8),
      pools: make(poolCapacity * at.POOL_INTS * 4),
      queues: make(threads * poolCapacity * at.QUEUES * 4),
      virtualTime: make(poolCapacity * 8),
      sessions: make(capacity * at.SESSION_INTS * 4)
    })
  }

  static attach(buffers: TableBuffers, thread: number): BackendTable {
    return new BackendTable(buffers, thread)
  }

  int(slot: number, column: number): number {
    return Atomics.load(this.ints, slot * at.INTS + column)
  }

  /** A request in some thread waits for a socket to the backend (awaitSocket). */
  starved(slot: number): boolean {
    return this.int(slot, at.STARVED) > 0
  }

  float(slot: number, column: number): number {
    return this.floats[slot * at.FLOATS + column]!
  }

  setFloat(slot: number, column: number, value: number): void {
    this.floats[slot * at.FLOATS + column] = value
  }

  /** Stores a state; true when this call changed it. */
  exchange(slot: number, column: number, value: number): boolean {
    return Atomics.exchange(this.ints, slot * at.INTS + column, value) !== value
  }

  /** Tells all threads that who may be picked has changed. Call after the change is stored. */
  bump(slot: number): void {
    this.bumpPool(this.int(slot, at.POOL))
  }

  bumpPool(pool: number): void {
    Atomics.add(this.pools, pool * at.POOL_INTS + at.VERSION, 1)
  }

  /** A plain read, for every pick: seen some nanoseconds late, it is as if the change had come so much later. */
  version(pool: number): number {
    return this.pools[pool * at.POOL_INTS + at.VERSION]!
  }

  /** Where `held` says what a thread holds. Column by column: 30,000 backends' leases are 120 KB, not 480. */
  heldIndex(slot: number, column: number, thread = this.thread): number {
    return (thread * at.HELD + column) * this.capacity + slot
  }

  /** Counts one more in `column` unless that would pass `limit` (or NO_LIMIT). Exact over all threads. */
  take(slot: number, column: number, heldColumn: number, limit: number): boolean {
    const index = slot * at.INTS + column
    // Read before the swap, which waits for all reads begun: so the two rows come from memory side by side.
    const held = this.heldIndex(slot, heldColumn)
    const before = this.held[held]!
    if (limit === NO_LIMIT) {
      Atomics.add(this.ints, index, 1)
    } else {
      for (let count = this.ints[index]!; ;) {
        if (count >= limit) return false
        const seen = Atomics.compareExchange(this.ints, index, count, count + 1)
        if (seen === count) break
        count = seen
      }
    }
    this.held[held] = before + 1
    return true
  }

  give(slot: number, column: number, heldColumn: number): void {
    this.held[this.heldIndex(slot, heldColumn)]!--
    Atomics.sub(this.ints, slot * at.INTS + column, 1)
  }

  /** Requests that wait in the pool's queue, over all threads. */
  waiting(pool: number): number {
    return Atomics.load(this.pools, pool * at.POOL_INTS + at.WAITING)
  }

  /** As `waiting(pool) > 0`, by a plain read, for every pick. */
  someWait(pool: number): boolean {
    return this.pools[pool * at.POOL_INTS + at.WAITING]! > 0
  }

  countInPool(pool: number, by: 1 | -1): void {
    this.queues[(this.thread * this.buffers.poolCapacity + pool) * at.QUEUES + at.COUNTED]! += by
    Atomics.add(this.pools, pool * at.POOL_INTS + at.POOL_ACTIVE, by)
  }

  count(slot: number, failed: boolean): void {
    const index = (this.#row + slot) * at.TOTALS
    this.totals[index + at.REQUESTS]!++
    if (failed) this.totals[index + at.FAILURES]!++
  }

  /** For display, where no algorithm needs the time: a plain moving average over about 8 requests. */
  averageLatency(slot: number, latencyMs: number): void {
    const ewma = slot * at.INTS + at.EWMA
    const last = this.shorts[ewma]!
    this.shorts[ewma] = Math.max(0.001, last === 0 ? latencyMs : last + (latencyMs - last) / 8)
  }

  /** Sum over all threads. */
  total(slot: number, column: number): number {
    let sum = 0
    for (let thread = 0; thread < this.buffers.threads; thread++) {
      sum += this.totals[(thread * this.capacity + slot) * at.TOTALS + column]!
    }
    return sum
  }
}

/** The state of a BREAKER word: CLOSED, OPEN or HALF_OPEN. */
export function breakerOf(word: number): number {
  return word & 3
}

/** The BREAKER word after a move to `state`. The epoch wraps after 2^30 moves of one breaker. */
export function movedBreaker(word: number, state: number): number {
  return (((word >>> 2) + 1) << 2) | state
}
