/**
 * The memory of a shared store: SharedArrayBuffers that pass through postMessage. Each field says whether it is written
 * under the lock; everything is Int32, and accessed with Atomics where threads race.
 */
export interface SharedStoreMemory {
  readonly maxBytes: number
  readonly maxObjectBytes: number
  readonly workers: number
  readonly units: number
  readonly entries: number
  readonly indexSlots: number
  readonly ghostSlots: number
  /** Seed of the hashes, so that clients cannot choose keys that collide. */
  readonly seed: number
  readonly control: SharedArrayBuffer
  readonly entryWords: SharedArrayBuffer
  readonly index: SharedArrayBuffer
  readonly ghost: SharedArrayBuffer
  readonly links: SharedArrayBuffer
  readonly orders: SharedArrayBuffer
  readonly pins: SharedArrayBuffer
  readonly arena: SharedArrayBuffer
  readonly invalidations: SharedArrayBuffer
  /** What threads share about a remote tier behind the store. */
  readonly tier?: SharedArrayBuffer
}

/** The smallest piece of memory. A 1 KB answer with its head takes three; the mean waste is half a unit. */
export const unitBytes = 512
/** Extents are 2^order units: 512 bytes to 64 KiB. */
export const maxOrder = 7

/** Words of the control block. */
export const control = {
  lock: 0,
  epoch: 1,
  freeEntries: 2,
  freeUnits: 3,
  liveEntries: 4,
  evictions: 5,
  lockTimeouts: 6,
  rebuilds: 7,
  smallHead: 9,
  smallTail: 10,
  mainHead: 11,
  mainTail: 12,
  smallUnits: 13,
  mainUnits: 14,
  /** Heads of the free lists by order follow from here. */
  freeLists: 16
} as const
const controlWords = 32

/** Words of an entry. Written under the lock unless said otherwise. */
export const word = {
  /** Increases when the entry leaves the index: older hot copies and finds are invalid then. */
  version: 0,
  /** One of `state`. The writer changes it without the lock. */
  state: 1,
  hashLow: 2,
  hashHigh: 3,
  firstUnit: 4,
  lastUnit: 5,
  /** Units that the entry holds. */
  units: 6,
  keyLength: 7,
  tagsLength: 8,
  infoLength: 9,
  /** Bytes of body written, by the writer without the lock. */
  bodyLength: 10,
  /** Announced length, -1 when unknown. */
  bodyTotal: 11,
  /** Readers and the writer; changed without the lock. */
  pins: 12,
  /** Whether it is in the index. */
  linked: 13,
  /** 0, or the worker that fills it plus 1. */
  owner: 14,
  /** Hits since the eviction last looked at it, at most 3; raised without the lock, so some are lost. */
  frequency: 15,
  /** 0 none, 1 small, 2 main. */
  queue: 16,
  previous: 17,
  /** Also the link of the free list. */
  next: 18,
  /** Increases with every event that followers wait for, with Atomics.waitAsync. */
  progress: 19,
  urlHash: 20,
  originHash: 21,
  tagBits: 22,
  /** 1: not a response; purges do not count it. */
  note: 23,
  /** Seconds of steadyNow since which it counts as stale; 0: it does not. */
  staleAt: 24
} as const
export const entryStride = 25

export const state = { free: 0, reserved: 1, filling: 2, complete: 3, aborted: 4 } as const

/** URLs with the same hash are invalidated together: at worst a response is not stored once. */
export const invalidationWords = 65_536

/** Pinned records that one worker can hold at a time; beyond that, lookups answer as if nothing were stored. */
export const pinsPerWorker = 16_384

export interface SharedStoreOptions {
  readonly maxBytes: number
  readonly maxObjectBytes: number
  /** Worker threads; the main thread has an index too. */
  readonly workers: number
}

/** What a unit costs besides itself: a third of an entry and of its slots in index and ghosts, and its links. */
const unitOverhead = (entryStride * 4 + 24) / 3 + 9

/** A sixteenth of `maxBytes` is left for the hot copies of the threads (see hotBytesOf). */
const sharedPart = 15 / 16

/** Allocates `sharedPart` of `maxBytes` in all; pages that were never touched stay virtual. */
export function allocateMemory(options: SharedStoreOptions, seed: number): SharedStoreMemory {
  const largest = 1 << maxOrder
  const units =
    Math.max(1, Math.floor((options.maxBytes * sharedPart) / (unitBytes + unitOverhead) / largest)) * largest
  const entries = Math.max(64, Math.ceil(units / 3))
  const indexSlots = 2 ** Math.ceil(Math.log2(entries * 2))
  const ghostSlots = 2 ** Math.ceil(Math.log2(entries))
  const words = (count: number) => new SharedArrayBuffer(count * 4)
  return {
    maxBytes: options.maxBytes,
    // An object must leave room for others and for its own head.
    maxObjectBytes: Math.min(options.maxObjectBytes, Math.floor((units * unitBytes) / 4)),
    workers: options.workers,
    units,
    entries,
    indexSlots,
    ghostSlots,
    seed,
    control: words(controlWords),
    entryWords: words(entries * entryStride),
    index: words(indexSlots * 2),
    ghost: words(ghostSlots),
    links: words(units * 2),
    orders: new SharedArrayBuffer(units),
    pins: words((options.workers + 1) * pinsPerWorker),
    arena: new SharedArrayBuffer(units * unitBytes),
    invalidations: words(invalidationWords)
  }
}

/** Typed views of the memory, created once per thread. */
export class StoreViews {
  readonly memory: SharedStoreMemory
  readonly control: Int32Array
  readonly entries: Int32Array
  readonly index: Int32Array
  readonly ghost: Int32Array
  readonly links: Int32Array
  readonly orders: Uint8Array
  readonly pins: Int32Array
  readonly arena: Buffer

  constructor(memory: SharedStoreMemory) {
    this.memory = memory
    this.control = new Int32Array(memory.control)
    this.entries = new Int32Array(memory.entryWords)
    this.index = new Int32Array(memory.index)
    this.ghost = new Int32Array(memory.ghost)
    this.links = new Int32Array(memory.links)
    this.orders = new Uint8Array(memory.orders)
    this.pins = new Int32Array(memory.pins)
    this.arena = Buffer.from(memory.arena)
  }
}
