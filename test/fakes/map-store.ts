import type {
  CacheStore,
  Claim,
  Purge,
  FillFailure,
  RecordHead,
  RecordWriter,
  StoredRecord
} from '../../src/l7/cache/ports.ts'
import { urlOf } from '../../src/l7/cache/store/memory/key-hash.ts'
import { Slot } from './map-slot.ts'

export interface MapStoreOptions {
  readonly maxBytes: number
  readonly maxObjectBytes: number
}

/**
 * A store of one thread on its heap, least recently used first out. What tests compare the shared store with, and what
 * a reader of the port should read first.
 */
export class MapStore implements CacheStore {
  readonly maxObjectBytes: number
  readonly #maxBytes: number
  readonly #slots = new Map<string, Slot>()
  #bytes = 0
  #epoch = 0
  readonly #invalidations = new Map<string, number>()

  constructor(options: MapStoreOptions) {
    this.#maxBytes = options.maxBytes
    this.maxObjectBytes = options.maxObjectBytes
  }

  get near(): CacheStore {
    return this
  }

  get epoch(): number {
    return this.#epoch
  }

  epochOf(key: string): number {
    return this.#epoch + (this.#invalidations.get(urlOf(key)) ?? 0)
  }

  get bytes(): number {
    return this.#bytes
  }

  get entries(): number {
    return this.#slots.size
  }

  lookup(key: string): StoredRecord | undefined {
    const slot = this.#slots.get(key)
    if (slot === undefined) return undefined
    this.#slots.delete(key)
    this.#slots.set(key, slot)
    return slot.open()
  }

  peek(key: string): StoredRecord | undefined {
    return this.lookup(key)
  }

  seekNewer(): boolean {
    return false
  }

  claim(key: string, replace: boolean): Claim | StoredRecord | undefined {
    const slot = this.#slots.get(key)
    if (slot !== undefined && !(replace && slot.state === 'complete')) return slot.open()
    const fresh = new Slot(key)
    // What is complete stays readable until `begin`.
    if (slot === undefined) this.#link(fresh)
    return new MapClaim(this, fresh, slot !== undefined)
  }

  remove(key: string): boolean {
    const slot = this.#slots.get(key)
    if (slot === undefined) return false
    this.unlink(slot)
    return true
  }

  invalidate(key: string): void {
    this.#invalidated(urlOf(key))
    this.remove(key)
  }

  purge(what: Purge, staleAt?: number): number {
    if (what.kind === 'url') for (const url of what.values) this.#invalidated(url)
    return this.#purgeWhere((slot) => isNamed(what, slot), staleAt)
  }

  whenRemoved(): boolean {
    return false
  }

  nextEpoch(): void {
    this.#epoch++
  }

  /** For claims: puts the slot in the place of what was complete. False: another is being filled. */
  install(slot: Slot): boolean {
    const other = this.#slots.get(slot.key)
    if (other !== undefined && other.state !== 'complete') return false
    if (other !== undefined) this.unlink(other)
    this.#link(slot)
    return true
  }

  grow(slot: Slot, bytes: number): boolean {
    // Unlinked, it is no longer counted.
    if (!slot.linked) return true
    for (const victim of this.#slots.values()) {
      if (this.#bytes + bytes <= this.#maxBytes) break
      if (victim !== slot && victim.state === 'complete') this.unlink(victim)
    }
    if (this.#bytes + bytes > this.#maxBytes) return false
    this.#bytes += bytes
    slot.cost += bytes
    return true
  }

  /** It cannot be found any more; who reads or fills it goes on. */
  unlink(slot: Slot): void {
    if (!slot.linked) return
    slot.linked = false
    this.#slots.delete(slot.key)
    this.#bytes -= slot.cost
    slot.cost = 0
  }

  #invalidated(url: string): void {
    this.#invalidations.set(url, (this.#invalidations.get(url) ?? 0) + 1)
  }

  #link(slot: Slot): void {
    slot.linked = true
    this.#slots.set(slot.key, slot)
  }

  #purgeWhere(matches: (slot: Slot) => boolean, staleAt: number | undefined): number {
    let purged = 0
    for (const slot of [...this.#slots.values()]) {
      if (!matches(slot)) continue
      if (slot.state === 'complete' && !slot.note) purged++
      if (staleAt === undefined) this.unlink(slot)
      else slot.staleAt ||= staleAt
    }
    return purged
  }
}

function isNamed(what: Purge, { key, tags }: Slot): boolean {
  switch (what.kind) {
    case 'url':
      return what.values.includes(urlOf(key))
    case 'prefix':
      return what.values.some((prefix) => key.startsWith(prefix))
    case 'tag':
      return tags.some((tag) => what.values.includes(tag))
    case 'all':
      return true
  }
}

class MapClaim implements Claim {
  readonly kind = 'claim'
  readonly #store: MapStore
  readonly #slot: Slot
  /** Not in the map yet, since what it replaces is. */
  readonly #detached: boolean
  #ended = false

  constructor(store: MapStore, slot: Slot, detached: boolean) {
    this.#store = store
    this.#slot = slot
    this.#detached = detached
  }

  begin(head: RecordHead): RecordWriter | undefined {
    const slot = this.#slot
    if (this.#ended) return undefined
    const size = slot.key.length + head.info.length + (head.bytes ?? 0)
    const fits =
      head.epoch === this.#store.epochOf(slot.key) && (head.bytes ?? 0) <= this.#store.maxObjectBytes
    if (
      !fits ||
      !(this.#detached ? this.#store.install(slot) : slot.linked) ||
      !this.#store.grow(slot, size)
    ) {
      this.abandon()
      return undefined
    }
    this.#ended = true
    slot.info = head.info
    slot.tags = head.tags
    slot.note = head.note === true
    slot.bytes = head.bytes
    slot.body = Buffer.allocUnsafeSlow(head.bytes ?? 4096)
    slot.state = 'filling'
    slot.wakeAll()
    return new MapWriter(this.#store, slot)
  }

  abandon(): void {
    if (this.#ended) return
    this.#ended = true
    this.#slot.state = 'gone'
    this.#store.unlink(this.#slot)
    this.#slot.wakeAll()
  }
}

class MapWriter implements RecordWriter {
  readonly #store: MapStore
  readonly #slot: Slot

  constructor(store: MapStore, slot: Slot) {
    this.#store = store
    this.#slot = slot
  }

  get failure(): FillFailure | undefined {
    return this.#slot.state === 'gone' ? 'incomplete' : undefined
  }

  get followers(): number {
    return this.#slot.readers
  }

  write(chunk: Uint8Array): boolean {
    const slot = this.#slot
    if (slot.state !== 'filling') return false
    const length = slot.length + chunk.length
    const announced = slot.bytes
    const fits =
      announced === undefined
        ? length <= this.#store.maxObjectBytes && this.#store.grow(slot, chunk.length)
        : length <= announced
    if (!fits) {
      this.abort()
      return false
    }
    if (length > slot.body.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, slot.body.length * 2))
      slot.body.copy(larger, 0, 0, slot.length)
      slot.body = larger
    }
    slot.body.set(chunk, slot.length)
    slot.length = length
    slot.wakeAll()
    return true
  }

  finish(): boolean {
    const slot = this.#slot
    if (slot.state !== 'filling') return false
    if (slot.bytes !== undefined && slot.bytes !== slot.length) {
      this.abort()
      return false
    }
    slot.bytes = slot.length
    slot.state = 'complete'
    slot.wakeAll()
    return slot.linked
  }

  abort(): void {
    if (this.#slot.state !== 'filling') return
    this.#slot.state = 'gone'
    this.#store.unlink(this.#slot)
    this.#slot.wakeAll()
  }
}
