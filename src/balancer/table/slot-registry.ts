import { bareRecord } from '../../core/own.ts'
import type { BackendConfig, PoolConfig } from '../../config/model/model.ts'
import type { Clock } from '../../core/clock.ts'
import { keepsTree } from '../algorithms.ts'
import * as at from './columns.ts'
import { addedItems, applyEdits, listEdits } from './list-edits.ts'
import { treeBytes } from './load-tree.ts'
import type { BackendTable } from './table.ts'

/** Where a pool and its backends stand in the table; plain data, sent to the workers with the config. */
export interface PoolSlots {
  readonly pool: number
  /** In the order of PoolConfig.backends. */
  readonly backends: readonly number[]
  /** Memory of the load tree, for algorithms that keep one. */
  readonly tree: ArrayBufferLike | undefined
}

/**
 * Hands out the table's rows, in the main thread only. A row belongs to pool + backend name + address, so state
 * survives a reload that keeps these; it is freed only when told, once nothing is open there any more.
 */
export class SlotRegistry {
  readonly #table: BackendTable
  readonly #clock: Clock
  readonly #pools = new Map<string, number>()
  readonly #slots = new Map<string, number>()
  /** The last backends of each pool, with their rows: of those that stay no keys are made. */
  readonly #last = new Map<string, { backends: readonly BackendConfig[]; rows: readonly number[] }>()
  readonly #trees = new Map<string, { signature: string; buffer: SharedArrayBuffer }>()
  /** The one that is free for longest first: requests of an old snapshot may still come to it. */
  readonly #freeSlots = new Set<number>()
  readonly #freePools: number[] = []
  #nextSlot = 0
  #nextPool = 0
  #started = false

  constructor(table: BackendTable, clock: Clock) {
    this.#table = table
    this.#clock = clock
  }

  /** Rows for these pools. Backends that are new after the first call begin with slow start. */
  assign(pools: readonly PoolConfig[]): Record<string, PoolSlots> {
    const assigned = bareRecord<PoolSlots>()
    for (const config of pools) {
      const pool = this.#poolRow(config.name)
      const last = this.#last.get(config.name) ?? { backends: [], rows: [] }
      const backends = applyEdits(listEdits(last.backends, config.backends), last.rows, (backend) => {
        const key = slotKey(config.name, backend.name, backend.address.text)
        return this.#slots.get(key) ?? this.#newSlot(key, pool, config.slowStartMs)
      })
      this.#last.set(config.name, { backends: config.backends, rows: backends })
      assigned[config.name] = { pool, backends, tree: this.#tree(config, backends) }
      this.#table.bumpPool(pool)
    }
    this.#started = true
    return assigned
  }

  /**
   * Frees the rows of what stands in none of `pools` (all snapshots still in use) and has nothing open;
   * returns how many are left to free later.
   */
  retain(pools: readonly PoolConfig[]): number {
    const keep = new Set<string>()
    const seen = new Map<string, readonly BackendConfig[]>()
    for (const config of pools) {
      // Mostly the same objects, snapshot after snapshot.
      for (const backend of addedItems(seen.get(config.name) ?? [], config.backends))
        keep.add(slotKey(config.name, backend.name, backend.address.text))
      seen.set(config.name, config.backends)
    }
    let left = 0
    for (const [key, slot] of this.#slots) {
      if (keep.has(key)) continue
      if (this.#isOpen(slot)) left++
      else this.#free(key, slot)
    }
    const names = new Set(pools.map((config) => config.name))
    for (const [name, pool] of this.#pools) {
      if (names.has(name) || left > 0) continue
      this.#pools.delete(name)
      this.#trees.delete(name)
      this.#freePools.push(pool)
    }
    return left
  }

  /** The same memory while algorithm and backends are the same: then all threads and snapshots keep one tree. */
  #tree(config: PoolConfig, backends: readonly number[]): ArrayBufferLike | undefined {
    if (!keepsTree(config.algorithm)) return undefined
    const signature = `${config.algorithm} ${backends.join(' ')}`
    const known = this.#trees.get(config.name)
    if (known?.signature === signature) return known.buffer
    const buffer = new SharedArrayBuffer(treeBytes(backends.length))
    this.#trees.set(config.name, { signature, buffer })
    return buffer
  }

  get size(): number {
    return this.#slots.size
  }

  #poolRow(name: string): number {
    const known = this.#pools.get(name)
    if (known !== undefined) return known
    const pool = this.#freePools.pop() ?? this.#nextPool++
    if (pool >= this.#table.buffers.poolCapacity) {
      throw new RangeError(`more than ${this.#table.buffers.poolCapacity} pools`)
    }
    this.#pools.set(name, pool)
    return pool
  }

  #newSlot(key: string, pool: number, slowStartMs: number): number {
    const slot = this.#unusedSlot() ?? this.#nextSlot++
    if (slot >= this.#table.capacity) throw new RangeError(`more than ${this.#table.capacity} backends`)
    // What is taken is given back on the row where it was taken, so ACTIVE, SOCKETS and STARVED are never set.
    this.#table.ints.fill(0, slot * at.INTS, slot * at.INTS + at.ACTIVE)
    this.#table.ints.fill(0, slot * at.INTS + at.WEIGHT, (slot + 1) * at.INTS)
    this.#table.floats.fill(0, slot * at.FLOATS, (slot + 1) * at.FLOATS)
    Atomics.store(this.#table.ints, slot * at.INTS + at.POOL, pool)
    this.#table.setFloat(slot, at.ADDED_AT, this.#clock.wall())
    if (this.#started && slowStartMs > 0) this.#table.setFloat(slot, at.SLOW_SINCE, this.#clock.now())
    this.#slots.set(key, slot)
    return slot
  }

  /** A free row with nothing open: an exchange that waited for long may have taken a lease there since it was freed. */
  #unusedSlot(): number | undefined {
    for (const slot of this.#freeSlots) {
      if (this.#isOpen(slot)) continue
      this.#freeSlots.delete(slot)
      return slot
    }
    return undefined
  }

  #isOpen(slot: number): boolean {
    return [at.ACTIVE, at.SOCKETS, at.STARVED].some((column) => this.#table.int(slot, column) > 0)
  }

  #free(key: string, slot: number): void {
    this.#slots.delete(key)
    this.#last.clear()
    this.#freeSlots.add(slot)
    for (let thread = 0; thread < this.#table.buffers.threads; thread++) {
      const row = (thread * this.#table.capacity + slot) * at.TOTALS
      this.#table.totals.fill(0, row, row + at.TOTALS)
    }
  }
}

/** Names hold no line feed, so the parts cannot run into each other. */
function slotKey(pool: string, name: string, address: string): string {
  return `${pool}\n${name}\n${address}`
}
