import { randomBytes } from 'node:crypto'
import { lockSet, unlockSet } from './set-lock.ts'

/** What passes to a worker: the memory itself is shared, not copied. */
export interface ConcurrencyBuffers {
  readonly sets: number
  /** Of the hashes of keys, so that nobody can choose keys that fall into one set. */
  readonly seed: number
  readonly threads: number
  readonly memory: ArrayBufferLike
  readonly locks: ArrayBufferLike
  readonly held: ArrayBufferLike
}

/** Entries per set. */
const WAYS = 8
/** One cache line: two words of the key's hash, how many are under way, and per class who waits and a bell for them. */
const WORDS = 16
const LOW = 0
const HIGH = 1
const COUNT = 2
const WAITING = 3
const BELL = 6

/** Classes of priority: 0 is served first. */
export const CLASSES = 3

/** What `take` says besides a place: no room, or no entry to be had (nothing is counted then). */
export const NO_ROOM = -1
export const NOT_COUNTED = -2

/**
 * How many requests are under way at once by key, exact over all threads, and who waits for a place. Each step holds
 * the lock of one set of 8 for some 100 ns. A place that comes free goes to the class that is served first, there to who has
 * waited longest on any thread; a newcomer does not pass those who wait in its class or a better one.
 */
export class ConcurrencyTable {
  readonly thread: number
  readonly buffers: ConcurrencyBuffers
  readonly #words: Int32Array
  readonly #locks: Int32Array
  /** Per thread and entry: how many of its counts this thread holds, and how many wait. One writer per row. */
  readonly #held: Int32Array
  readonly #entries: number

  constructor(buffers: ConcurrencyBuffers, thread: number) {
    this.buffers = buffers
    this.thread = thread
    this.#words = new Int32Array(buffers.memory)
    this.#locks = new Int32Array(buffers.locks)
    this.#held = new Int32Array(buffers.held)
    this.#entries = buffers.sets * WAYS
  }

  /** Memory for `entries` keys, rounded up to a power of two, at least 8. */
  static allocate(entries: number, threads: number, shared = true): ConcurrencyBuffers {
    const sets = Math.max(1, 2 ** Math.ceil(Math.log2(entries / WAYS)))
    const make = (bytes: number) => (shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes))
    return {
      sets,
      seed: randomBytes(4).readInt32LE(),
      threads,
      memory: make(sets * WAYS * WORDS * 4),
      locks: make(sets * 4),
      held: make(sets * WAYS * threads * (1 + CLASSES) * 4)
    }
  }

  /** A place among `most` for the key with the hash `low`, `high`, to `give` back; or NO_ROOM, or NOT_COUNTED. */
  take(low: number, high: number, most: number, klass: number): number {
    const set = this.#lock(low, high)
    try {
      const entry = this.#find(set, low, high)
      if (entry === -1) return NOT_COUNTED
      const at = entry * WORDS
      const words = this.#words
      if (words[at + COUNT]! >= most) return NO_ROOM
      for (let c = 0; c <= klass; c++) if (words[at + WAITING + c]! > 0) return NO_ROOM
      words[at + COUNT]!++
      this.#held[this.#row(this.thread, entry)]!++
      return entry
    } finally {
      unlockSet(this.#locks, set)
    }
  }

  /** Counts one more who waits, at most `most` over all classes: the place to `waitAt`, or NO_ROOM, or NOT_COUNTED. */
  enqueue(low: number, high: number, most: number, klass: number): number {
    const set = this.#lock(low, high)
    try {
      const entry = this.#find(set, low, high)
      if (entry === -1) return NOT_COUNTED
      const at = entry * WORDS
      const words = this.#words
      let waiting = 0
      for (let c = 0; c < CLASSES; c++) waiting += words[at + WAITING + c]!
      if (waiting >= most) return NO_ROOM
      words[at + WAITING + klass]!++
      this.#held[this.#row(this.thread, entry) + 1 + klass]!++
      return entry
    } finally {
      unlockSet(this.#locks, set)
    }
  }

  /** A waiter takes a place if one is free; it then no longer waits. */
  takeWaiting(place: number, most: number, klass: number): boolean {
    const set = Math.floor(place / WAYS)
    lockSet(this.#locks, set)
    const words = this.#words
    const at = place * WORDS
    let free = words[at + COUNT]! < most
    for (let c = 0; c < klass; c++) if (words[at + WAITING + c]! > 0) free = false
    if (free) {
      words[at + COUNT]!++
      words[at + WAITING + klass]!--
      this.#held[this.#row(this.thread, place)]!++
      this.#held[this.#row(this.thread, place) + 1 + klass]!--
    }
    unlockSet(this.#locks, set)
    return free
  }

  /** Waits no longer, without a place. */
  leave(place: number, klass: number): void {
    this.#leave(this.thread, place, klass, 1)
  }

  /** Gives a place back; `call` tells who waits. */
  give(place: number): void {
    this.#give(this.thread, place, 1)
  }

  /** Calls who is next, if there is room among `mostOf` its class. Who is called in vain would lose its turn. */
  call(place: number, mostOf: (klass: number) => number): void {
    for (let klass = 0; klass < CLASSES; klass++) {
      if (Atomics.load(this.#words, place * WORDS + WAITING + klass) <= 0) continue
      if (this.count(place) < mostOf(klass)) this.#ring(place)
      return
    }
  }

  count(place: number): number {
    return Atomics.load(this.#words, place * WORDS + COUNT)
  }

  waiting(place: number): number {
    let waiting = 0
    for (let c = 0; c < CLASSES; c++) waiting += Atomics.load(this.#words, place * WORDS + WAITING + c)
    return waiting
  }

  /** The bell's state; read before a last look, so that a call in between is not missed. */
  bell(place: number, klass: number): number {
    return Atomics.load(this.#words, place * WORDS + BELL + klass)
  }

  /**
   * Resolves with true when the bell has been rung since it stood at `state`, with false after `ms`. Who waits is called in
   * the order of these calls, over all threads: to wait again is to go to the end.
   */
  async rung(place: number, klass: number, state: number, ms: number): Promise<boolean> {
    const at = place * WORDS + BELL + klass
    return (await Atomics.waitAsync(this.#words, at, state, Math.max(1, ms)).value) !== 'timed-out'
  }

  /** Gives back all that a thread which is gone had; called by the main thread. */
  releaseThread(thread: number): void {
    for (let place = 0; place < this.#entries; place++) {
      const row = this.#row(thread, place)
      for (let klass = 0; klass < CLASSES; klass++) {
        const waiting = this.#held[row + 1 + klass]!
        if (waiting > 0) this.#leave(thread, place, klass, waiting)
      }
      const count = this.#held[row]!
      if (count > 0) this.#give(thread, place, count)
      // One more than it held: it may have been called, and have died before it took its place.
      for (let i = 0; i <= count && this.waiting(place) > 0; i++) this.#ring(place)
    }
  }

  #give(thread: number, place: number, count: number): void {
    const set = Math.floor(place / WAYS)
    lockSet(this.#locks, set)
    this.#words[place * WORDS + COUNT]! -= count
    this.#held[this.#row(thread, place)]! -= count
    unlockSet(this.#locks, set)
  }

  #leave(thread: number, place: number, klass: number, count: number): void {
    const set = Math.floor(place / WAYS)
    lockSet(this.#locks, set)
    this.#words[place * WORDS + WAITING + klass]! -= count
    this.#held[this.#row(thread, place) + 1 + klass]! -= count
    unlockSet(this.#locks, set)
  }

  /** Calls who waits next. Who was called and has no use for it passes it on. */
  #ring(place: number): void {
    const at = place * WORDS
    for (let klass = 0; klass < CLASSES; klass++) {
      if (Atomics.load(this.#words, at + WAITING + klass) <= 0) continue
      Atomics.add(this.#words, at + BELL + klass, 1)
      Atomics.notify(this.#words, at + BELL + klass, 1)
      return
    }
  }

  #row(thread: number, place: number): number {
    return (thread * this.#entries + place) * (1 + CLASSES)
  }

  /** Locks the set of a key and returns its number. */
  #lock(low: number, high: number): number {
    const set = (low ^ Math.imul(high, 0x9e3779b1)) & (this.buffers.sets - 1)
    lockSet(this.#locks, set)
    return set
  }

  #find(set: number, hashLow: number, high: number): number {
    // 0, 0 marks a free place.
    const low = hashLow === 0 && high === 0 ? 1 : hashLow
    const words = this.#words
    let free = -1
    for (let entry = set * WAYS; entry < (set + 1) * WAYS; entry++) {
      const at = entry * WORDS
      if (words[at + LOW] === low && words[at + HIGH] === high) return entry
      if (free === -1 && words[at + COUNT] === 0 && this.waiting(entry) === 0) free = entry
    }
    if (free === -1) return -1
    words[free * WORDS + LOW] = low
    words[free * WORDS + HIGH] = high
    return free
  }
}
