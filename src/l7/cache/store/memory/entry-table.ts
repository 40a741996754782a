import { BuddyArena } from './buddy-arena.ts'
import { EvictionQueues } from './eviction-queues.ts'
import { ExtentCursor } from './extent-cursor.ts'
import { HashIndex } from './hash-index.ts'
import { hashHigh, hashKey, hashLow, hashText, originOf, urlOf } from './key-hash.ts'
import type { StoreViews } from './layout.ts'
import { control, entryStride, state, unitBytes, word } from './layout.ts'
import { StoreLock } from './store-lock.ts'

/**
 * Entries, index, queues and arena together. They change under `lock`, which the caller holds for every method but
 * `find`, `unpin` and those that only read.
 *
 * Life of an entry: taken (reserved, one pin for its writer) → linked into
 * the index → filling → complete, and queued for eviction. Once unlinked by eviction, purge or replacement it can be
 * found no more, and is freed with its last pin.
 */
export class EntryTable {
  readonly views: StoreViews
  readonly words: Int32Array
  readonly lock: StoreLock
  readonly arena: BuddyArena
  readonly index: HashIndex
  readonly queues: EvictionQueues
  readonly #control: Int32Array
  readonly #seed: number
  /** Frees that could not be done because the lock was busy; the next unpin that gets the lock does them. */
  readonly #owed: number[] = []

  constructor(views: StoreViews, workerIndex: number) {
    this.views = views
    this.words = views.entries
    this.#control = views.control
    this.#seed = views.memory.seed
    this.lock = new StoreLock(views.control, workerIndex)
    this.arena = new BuddyArena(views)
    this.index = new HashIndex(views)
    this.queues = new EvictionQueues(views)
  }

  get(entry: number, field: number): number {
    return Atomics.load(this.words, entry * entryStride + field)
  }

  set(entry: number, field: number, value: number): void {
    Atomics.store(this.words, entry * entryStride + field, value)
  }

  cursor(entry: number): ExtentCursor {
    return new ExtentCursor(this.views.arena, this.arena, this.words[entry * entryStride + word.firstUnit]!)
  }

  /** The entry of the key with a pin on it, or -1. Since it takes no lock, it may miss an entry that is being moved. */
  find(key: string): number {
    hashKey(key, this.#seed)
    const low = hashLow
    const high = hashHigh
    const slots = this.views.memory.indexSlots
    for (let slot = this.index.start(low), n = 0; n < slots; slot = this.index.next(slot), n++) {
      const entry = this.index.at(slot, high)
      if (entry === -1) return -1
      if (entry < 0) continue
      const base = entry * entryStride
      const version = Atomics.load(this.words, base + word.version)
      if (this.words[base + word.hashLow] !== low || Atomics.load(this.words, base + word.linked) === 0)
        continue
      // Pin first, then look again: if the entry was unlinked in between, its version has increased.
      Atomics.add(this.words, base + word.pins, 1)
      if (Atomics.load(this.words, base + word.version) === version && this.#hasKey(entry, key)) return entry
      this.unpin(entry)
    }
    return -1
  }

  /**
   * Takes an entry and memory for its key, evicting as needed; -1 when there is no room. The entry has one pin and is
   * not linked.
   */
  take(key: string, owner: number): number {
    const units = Math.ceil(key.length / unitBytes)
    if (!this.#makeRoom(units)) return -1
    // A victim that still has readers is not free yet; then take the next one.
    for (let tries = 0; this.#control[control.freeEntries]! < 0; tries++) {
      const victim = tries < 8 ? this.queues.victim() : -1
      if (victim < 0) return -1
      this.evict(victim)
    }
    const entry = this.#control[control.freeEntries]!
    const base = entry * entryStride
    this.#control[control.freeEntries] = this.words[base + word.next]!
    hashKey(key, this.#seed)
    const url = urlOf(key)
    this.words[base + word.hashLow] = hashLow
    this.words[base + word.hashHigh] = hashHigh
    this.words[base + word.urlHash] = hashText(url, this.#seed)
    this.words[base + word.originHash] = hashText(originOf(url) ?? '', this.#seed)
    this.words[base + word.firstUnit] = -1
    this.words[base + word.lastUnit] = -1
    this.words[base + word.units] = 0
    this.words[base + word.keyLength] = key.length
    this.words[base + word.tagsLength] = 0
    this.words[base + word.tagBits] = 0
    this.words[base + word.staleAt] = 0
    this.words[base + word.infoLength] = 0
    this.words[base + word.bodyLength] = 0
    this.words[base + word.bodyTotal] = -1
    this.words[base + word.linked] = 0
    this.words[base + word.owner] = owner + 1
    this.words[base + word.queue] = 0
    this.words[base + word.frequency] = 0
    Atomics.store(this.words, base + word.state, state.reserved)
    Atomics.add(this.words, base + word.pins, 1)
    this.#control[control.liveEntries]! += 1
    this.extend(entry, key.length)
    this.cursor(entry).write(0, Buffer.from(key, 'latin1'))
    return entry
  }

  /** Makes sure that the entry has memory for `bytes` in all; false when there is not enough. */
  extend(entry: number, bytes: number): boolean {
    const base = entry * entryStride
    let missing = Math.ceil(bytes / unitBytes) - this.words[base + word.units]!
    if (missing <= 0) return true
    if (!this.#makeRoom(missing)) return false
    while (missing > 0) {
      const unit = this.arena.take(missing)
      const size = this.arena.sizeOf(unit)
      const last = this.words[base + word.lastUnit]!
      if (last < 0) this.words[base + word.firstUnit] = unit
      else this.arena.setNext(last, unit)
      this.words[base + word.lastUnit] = unit
      this.words[base + word.units]! += size
      missing -= size
    }
    return true
  }

  link(entry: number): void {
    this.set(entry, word.linked, 1)
    this.index.insert(entry)
  }

  /** After this it cannot be found and hot copies are invalid. It is freed now, or with its last pin. */
  unlink(entry: number): void {
    const base = entry * entryStride
    if (this.words[base + word.linked] === 1) this.index.remove(entry)
    this.queues.remove(entry)
    Atomics.store(this.words, base + word.linked, 0)
    Atomics.add(this.words, base + word.version, 1)
    this.freeIfDone(entry)
  }

  evict(entry: number): void {
    this.#control[control.evictions]! += 1
    this.unlink(entry)
  }

  freeIfDone(entry: number): void {
    const base = entry * entryStride
    if (Atomics.load(this.words, base + word.pins) !== 0 || this.words[base + word.linked] !== 0) return
    if (this.words[base + word.state] === state.free) return
    if (this.words[base + word.firstUnit]! >= 0) this.arena.giveBack(this.words[base + word.firstUnit]!)
    this.words[base + word.firstUnit] = -1
    this.words[base + word.owner] = 0
    Atomics.store(this.words, base + word.state, state.free)
    Atomics.add(this.words, base + word.version, 1)
    this.words[base + word.next] = this.#control[control.freeEntries]!
    this.#control[control.freeEntries] = entry
    this.#control[control.liveEntries]! -= 1
  }

  /** Works without the lock; takes it only to free an entry that cannot be found any more. */
  unpin(entry: number): void {
    const base = entry * entryStride
    const before = Atomics.sub(this.words, base + word.pins, 1)
    if (before !== 1 || Atomics.load(this.words, base + word.linked) === 1) return
    if (Atomics.load(this.words, base + word.state) !== state.free) this.settle(entry)
  }

  /** Queues or frees an entry that its writer or last reader has left, now or when the lock is available. */
  settle(entry: number): void {
    this.#owed.push(entry)
    if (!this.lock.acquire()) return
    try {
      for (const owed of this.#owed.splice(0)) this.settleLocked(owed)
    } finally {
      this.lock.release()
    }
  }

  settleLocked(entry: number): void {
    const base = entry * entryStride
    if (this.words[base + word.linked] === 0) return this.freeIfDone(entry)
    const now = this.words[base + word.state]
    if (now === state.aborted) this.unlink(entry)
    else if (now === state.complete && this.words[base + word.queue] === 0) {
      this.words[base + word.owner] = 0
      this.queues.insert(entry)
    }
  }

  /** Wakes followers in other threads; the caller wakes those of this thread. */
  progress(entry: number): void {
    const at = entry * entryStride + word.progress
    Atomics.add(this.words, at, 1)
    Atomics.notify(this.words, at)
  }

  keyOf(entry: number): string {
    return this.cursor(entry).text(0, this.words[entry * entryStride + word.keyLength]!)
  }

  /** Compares bytes where they are, from the end, since many keys begin alike: with 200,000 entries a fifth of the time that `keyOf` takes. */
  keyBegins(entry: number, prefix: Uint8Array): boolean {
    const base = entry * entryStride
    const { length } = prefix
    if (this.words[base + word.keyLength]! < length) return false
    const first = this.words[base + word.firstUnit]!
    const bytes = this.views.arena
    const start = first * unitBytes
    // A key may go on in another extent.
    const near = Math.min(length, this.arena.sizeOf(first) * unitBytes)
    for (let at = near - 1; at >= 0; at--) if (bytes[start + at] !== prefix[at]) return false
    if (near === length) return true
    return this.keyOf(entry).startsWith(Buffer.from(prefix).toString('latin1'))
  }

  tagsOf(entry: number): string {
    const base = entry * entryStride
    return this.cursor(entry).text(this.words[base + word.keyLength]!, this.words[base + word.tagsLength]!)
  }

  infoOf(entry: number): string {
    const base = entry * entryStride
    const from = this.words[base + word.keyLength]! + this.words[base + word.tagsLength]!
    return this.cursor(entry).text(from, this.words[base + word.infoLength]!)
  }

  bodyStart(entry: number): number {
    const base = entry * entryStride
    return (
      this.words[base + word.keyLength]! +
      this.words[base + word.tagsLength]! +
      this.words[base + word.infoLength]!
    )
  }

  #hasKey(entry: number, key: string): boolean {
    return this.words[entry * entryStride + word.keyLength] === key.length && this.keyOf(entry) === key
  }

  #makeRoom(units: number): boolean {
    while (this.arena.freeUnits < units) {
      const victim = this.queues.victim()
      if (victim < 0) return false
      this.evict(victim)
    }
    return true
  }
}
