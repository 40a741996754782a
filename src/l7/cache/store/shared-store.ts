import type { CacheStore, Claim, Purge, StoredRecord } from '../ports.ts'
import { countCopied } from './memory/copied-bytes.ts'
import { EntryTable } from './memory/entry-table.ts'
import { Followers } from './followers.ts'
import { HotRecord, HotRecords } from './hot-records.ts'
import type { SharedStoreMemory } from './memory/layout.ts'
import { StoreViews, control, entryStride, state, unitBytes, word } from './memory/layout.ts'
import { Invalidations } from './memory/invalidations.ts'
import { urlOf } from './memory/key-hash.ts'
import { PinTable } from './memory/pin-table.ts'
import { purge } from './purge.ts'
import { SharedClaim } from './shared-claim.ts'
import { SharedHeads } from './shared-heads.ts'
import { SharedRecord } from './shared-record.ts'
import type { StoreDeps } from './store-deps.ts'

/**
 * One thread's view of a store that all threads share. A lookup takes no lock: it uses a hot copy whose version is
 * still valid, or a pinned entry. Filling, purging and evicting take the lock for microseconds; bodies are copied
 * without it.
 */
export class SharedStore implements CacheStore, StoreDeps {
  readonly maxObjectBytes: number
  readonly table: EntryTable
  readonly followers: Followers
  readonly heads: SharedHeads
  /** Entries of this thread that were claimed while the old one is still readable; `begin` links them. */
  readonly detached = new Set<number>()
  readonly #workerIndex: number
  readonly #hot: HotRecords
  readonly #pins: PinTable
  readonly #control: Int32Array
  readonly #invalidations: Invalidations

  /**
   * `workerIndex` counts from 0; the main thread's is `memory.workers`. `hotBytes` is this thread's budget for hot
   * copies.
   */
  constructor(memory: SharedStoreMemory, workerIndex: number, hotBytes: number) {
    const views = new StoreViews(memory)
    this.maxObjectBytes = memory.maxObjectBytes
    this.table = new EntryTable(views, workerIndex)
    this.heads = new SharedHeads(this.table)
    this.followers = new Followers(views.entries)
    this.#workerIndex = workerIndex
    this.#hot = new HotRecords(hotBytes)
    this.#pins = new PinTable(views, workerIndex)
    this.#control = views.control
    this.#invalidations = new Invalidations(memory)
  }

  /** To be sent to workers. */
  get memory(): SharedStoreMemory {
    return this.table.views.memory
  }

  get near(): CacheStore {
    return this
  }

  get epoch(): number {
    return Atomics.load(this.#control, control.epoch)
  }

  epochOf(key: string): number {
    return this.epoch + this.#invalidations.of(urlOf(key))
  }

  lookup(key: string): StoredRecord | undefined {
    const hot = this.#hot.get(key)
    if (hot !== undefined) {
      const base = hot.entry * entryStride
      if (Atomics.load(this.table.words, base + word.version) === hot.version) {
        this.#touch(base)
        hot.used = true
        hot.staleAt = 1000 * Atomics.load(this.table.words, base + word.staleAt)
        return hot
      }
      this.#hot.remove(key)
    }
    const entry = this.table.find(key)
    return entry < 0 ? undefined : this.#open(key, entry)
  }

  peek(key: string): StoredRecord | undefined {
    return this.lookup(key)
  }

  seekNewer(): boolean {
    return false
  }

  claim(key: string, replace: boolean): Claim | StoredRecord | undefined {
    const { table } = this
    if (!table.lock.acquire()) return undefined
    let entry: number
    let found: number
    try {
      found = table.find(key)
      const replaced = found >= 0 && replace && table.get(found, word.state) === state.complete
      if (found >= 0 && !replaced) entry = -1
      else {
        entry = table.take(key, this.#workerIndex)
        if (entry >= 0 && found < 0) table.link(entry)
        else if (entry >= 0) this.detached.add(entry)
        if (found >= 0) {
          Atomics.sub(table.words, found * entryStride + word.pins, 1)
          table.freeIfDone(found)
          found = -1
        }
      }
    } finally {
      table.lock.release()
    }
    if (found >= 0) return this.#open(key, found)
    if (entry < 0) return undefined
    const slot = this.#pins.note(entry)
    if (slot !== undefined) return new SharedClaim(this, entry, slot, key)
    this.drop(entry, undefined)
    return undefined
  }

  remove(key: string): boolean {
    const { table } = this
    // Mostly nothing is there, and then no lock is needed.
    const found = table.find(key)
    if (found < 0) return false
    let removed = false
    if (table.lock.acquire()) {
      removed = table.get(found, word.linked) === 1
      if (removed) table.unlink(found)
      table.lock.release()
    }
    this.#hot.remove(key)
    table.unpin(found)
    return removed
  }

  invalidate(key: string): void {
    const { table } = this
    this.#invalidations.add(urlOf(key))
    // Looked up under the lock: a fill that began earlier is found then, and one that begins later sees the increased
    // count.
    if (table.lock.acquire()) {
      const found = table.find(key)
      if (found >= 0) {
        table.unlink(found)
        Atomics.sub(table.words, found * entryStride + word.pins, 1)
        table.freeIfDone(found)
      }
      table.lock.release()
    }
    this.#hot.remove(key)
  }

  purge(what: Purge, staleAt?: number): number {
    if (what.kind === 'url') for (const url of what.values) this.#invalidations.add(url)
    // Rounded down: rather stale too early.
    return purge(this.table, what, staleAt === undefined ? undefined : Math.floor(staleAt / 1000))
  }

  whenRemoved(): boolean {
    return false
  }

  nextEpoch(): void {
    Atomics.add(this.#control, control.epoch, 1)
  }

  stats(): StoreStats {
    const words = this.#control
    const { memory } = this.table.views
    return {
      maxBytes: memory.maxBytes,
      bytes: (memory.units - Atomics.load(words, control.freeUnits)) * unitBytes,
      entries: Atomics.load(words, control.liveEntries),
      evictions: Atomics.load(words, control.evictions),
      lockTimeouts: Atomics.load(words, control.lockTimeouts),
      rebuilds: Atomics.load(words, control.rebuilds),
      pins: this.#pins.held,
      hotBytes: this.#hot.bytes
    }
  }

  /** For records and writers: the entry has made progress. */
  moved(entry: number): void {
    this.table.progress(entry)
    this.followers.fire(entry)
  }

  unpin(entry: number, slot: number): void {
    this.#pins.forget(slot)
    this.table.unpin(entry)
  }

  /** For writers: the body is complete. False when the entry was unlinked meanwhile: only its followers get it then. */
  complete(entry: number, slot: number): boolean {
    const { table } = this
    table.set(entry, word.state, state.complete)
    this.moved(entry)
    const linked = table.get(entry, word.linked) === 1
    // Queue it for eviction.
    if (linked) table.settle(entry)
    this.unpin(entry, slot)
    return linked
  }

  /** For claims and writers: the fill failed. */
  drop(entry: number, slot: number | undefined): void {
    const { table } = this
    this.detached.delete(entry)
    table.set(entry, word.state, state.aborted)
    if (table.get(entry, word.linked) === 1) table.settle(entry)
    this.moved(entry)
    if (slot === undefined) table.unpin(entry)
    else this.unpin(entry, slot)
  }

  /** A record of a pinned entry; the record takes over the pin. */
  #open(key: string, entry: number): StoredRecord | undefined {
    const { table } = this
    const base = entry * entryStride
    this.#touch(base)
    const version = Atomics.load(table.words, base + word.version)
    const complete = Atomics.load(table.words, base + word.state) === state.complete
    const length = Atomics.load(table.words, base + word.bodyLength)
    if (complete && length <= this.#hot.maxBody && this.#hot.seenBefore(entry, version)) {
      const cursor = table.cursor(entry)
      const info = table.infoOf(entry)
      // Memory of its own, not a slice of the pool, which would keep 8 KiB alive for each small body.
      countCopied(length)
      const body = Buffer.allocUnsafeSlow(length)
      cursor.read(table.bodyStart(entry), body)
      const hot = new HotRecord(key, entry, version, info, body)
      hot.staleAt = 1000 * Atomics.load(table.words, base + word.staleAt)
      // Only while the entry is linked does unlinking it increase its version and so invalidate the hot copy.
      if (table.get(entry, word.linked) === 1) this.#hot.add(hot)
      table.unpin(entry)
      return hot
    }
    const slot = this.#pins.note(entry)
    if (slot !== undefined) return new SharedRecord(this, entry, slot)
    table.unpin(entry)
    return undefined
  }

  #touch(base: number): void {
    const { words } = this.table
    if (words[base + word.frequency]! < 3) words[base + word.frequency]! += 1
  }
}

export interface StoreStats {
  readonly maxBytes: number
  /** Bytes of the arena in use, in whole units. */
  readonly bytes: number
  readonly entries: number
  readonly evictions: number
  readonly lockTimeouts: number
  readonly rebuilds: number
  /** Pins and hot copies of this thread. */
  readonly pins: number
  readonly hotBytes: number
}
