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
/**
 * One cache line: two words of the key's hash, how many are under way, per class how many wait and the word that they wait at, which
 * stays 0; how many places are kept for who was called and has not come yet; per class the most that were last allowed.
 */
const WORDS = 16
const LOW = 0
const HIGH = 1
const COUNT = 2
const WAITING = 3
const BELL = 6
const CALLED = 9
const MOST = 10

/** A wait in the kernel's sense ends after its owner has given it up. */
const SLACK_MS = 1_000

/** Classes of priority: 0 is served first. */
export const CLASSES = 3

/** What `take` says besides a place: no room, or no entry to be had (nothing is counted then). */
export const NO_ROOM = -1
export const NOT_COUNTED = -2

/** Stands in the queue of `place`; `called` resolves with true when a place is kept for it, with false when its time is over. */
export interface Waiting {
  readonly place: number
  readonly called: Promise<boolean>
}

/**
 * How many requests are under way at once by key, exact over all threads, and who waits for a place. Each step holds
 * the lock of one set of 8 for some 100 ns. A place that comes free goes to the class that is served first, there to who has
 * waited longest on any thread. It is kept for who is called, so that no newcomer takes it until that one's thread gets to run.
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
      return this.#takeAt(entry, most, klass) ? entry : NO_ROOM
    } finally {
      unlockSet(this.#locks, set)
    }
  }

  /**
   * A place if one has come free since, or a wait of `ms` for one, with at most `queue` others over all classes; or NO_ROOM, or
   * NOT_COUNTED. Who waits is called in the order of these calls.
   */
  enqueue(
    low: number,
    high: number,
    most: number,
    klass: number,
    queue: number,
    ms: number
  ): number | Waiting {
    const set = this.#lock(low, high)
    try {
      const entry = this.#find(set, low, high)
      if (entry === -1) return NOT_COUNTED
      if (this.#takeAt(entry, most, klass)) return entry
      if (this.waiting(entry) >= queue) return NO_ROOM
      this.#words[entry * WORDS + WAITING + klass]!++
      this.#held[this.#row(this.thread, entry) + 1 + klass]!++
      return { place: entry, called: this.#called(entry, klass, ms) }
    } finally {
      unlockSet(this.#locks, set)
    }
  }

  /**
   * Who waits takes a place, the one kept for it if it was `called`, and no longer waits: undefined. Else it waits again, as the
   * last of its class: its time was over early, or the places that were kept are free again since a thread has died.
   */
  takeOrWait(
    place: number,
    most: number,
    klass: number,
    called: boolean,
    ms: number
  ): Promise<boolean> | undefined {
    const set = this.#lockOf(place)
    try {
      const words = this.#words
      const at = place * WORDS
      if (called && words[at + CALLED]! > 0) words[at + CALLED]!--
      else if (!this.#isRoom(place, most, klass - 1)) return this.#called(place, klass, ms)
      words[at + COUNT]!++
      words[at + WAITING + klass]!--
      const row = this.#row(this.thread, place)
      this.#held[row]!++
      this.#held[row + 1 + klass]!--
      return undefined
    } finally {
      unlockSet(this.#locks, set)
    }
  }

  /** Who was called has left meanwhile: the place kept for it is free; `call` tells who is next. */
  decline(place: number): void {
    const set = this.#lockOf(place)
    const at = place * WORDS + CALLED
    if (this.#words[at]! > 0) this.#words[at]!--
    unlockSet(this.#locks, set)
  }

  /** Waits no longer, without a place. */
  leave(place: number, klass: number): void {
    this.#subtract(this.thread, place, WAITING + klass, 1 + klass, 1)
  }

  /** Gives a place back; `call` tells who waits. */
  give(place: number): void {
    this.#subtract(this.thread, place, COUNT, 0, 1)
  }

  /** Calls who is next, as many as there is room for among `mostOf` their class, and keeps their places. */
  call(place: number, mostOf: (klass: number) => number): void {
    if (this.waiting(place) === 0) return
    const set = this.#lockOf(place)
    try {
      const words = this.#words
      const at = place * WORDS
      for (let klass = 0; klass < CLASSES; klass++) {
        if (words[at + WAITING + klass]! <= 0) continue
        const most = mostOf(klass)
        for (;;) {
          if (words[at + COUNT]! + words[at + CALLED]! >= most) return
          // All have been called: who of the next class waits may be.
          if (Atomics.notify(words, at + BELL + klass, 1) === 0) break
          words[at + CALLED]!++
        }
      }
    } finally {
      unlockSet(this.#locks, set)
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

  /**
   * A thread that runs no more, but is not dead, is not called again: what is kept for it would be lost until it is. All who wait
   * where it does look for a place and wait again, those of other threads only. Called by the main thread.
   */
  giveUpThread(thread: number): void {
    for (let place = 0; place < this.#entries; place++) {
      const row = this.#row(thread, place)
      for (let klass = 0; klass < CLASSES; klass++) {
        if (this.#held[row + 1 + klass]! <= 0) continue
        this.#keepNone(place)
        Atomics.notify(this.#words, place * WORDS + BELL + klass)
      }
    }
  }

  /** Gives back all that a thread which is gone had; called by the main thread. */
  releaseThread(thread: number): void {
    for (let place = 0; place < this.#entries; place++) {
      const row = this.#row(thread, place)
      for (let klass = 0; klass < CLASSES; klass++) {
        const waiting = this.#held[row + 1 + klass]!
        if (waiting > 0) this.#subtract(thread, place, WAITING + klass, 1 + klass, waiting)
      }
      const count = this.#held[row]!
      if (count > 0) this.#subtract(thread, place, COUNT, 0, count)
      // It may have been called, and have died before it took its place: nobody can tell, so all that were kept are free again.
      this.#keepNone(place)
      this.call(place, (klass) => this.#words[place * WORDS + MOST + klass]!)
    }
  }

  #subtract(thread: number, place: number, word: number, held: number, count: number): void {
    const set = this.#lockOf(place)
    this.#words[place * WORDS + word]! -= count
    this.#held[this.#row(thread, place) + held]! -= count
    unlockSet(this.#locks, set)
  }

  #keepNone(place: number): void {
    if (Atomics.load(this.#words, place * WORDS + CALLED) === 0) return
    const set = this.#lockOf(place)
    this.#words[place * WORDS + CALLED] = 0
    unlockSet(this.#locks, set)
  }

  /** With the lock held: so the order of the queue is that in which the lock was held. */
  #called(place: number, klass: number, ms: number): Promise<boolean> {
    const waits = Atomics.waitAsync(this.#words, place * WORDS + BELL + klass, 0, ms + SLACK_MS)
    return Promise.resolve(waits.value).then((how) => how === 'ok')
  }

  /** With the lock held. */
  #takeAt(place: number, most: number, klass: number): boolean {
    this.#words[place * WORDS + MOST + klass] = most
    if (!this.#isRoom(place, most, klass)) return false
    this.#words[place * WORDS + COUNT]!++
    this.#held[this.#row(this.thread, place)]!++
    return true
  }

  /** Is a place free that is kept for nobody, while nobody waits of the classes up to `before`? */
  #isRoom(place: number, most: number, before: number): boolean {
    const at = place * WORDS
    if (this.#words[at + COUNT]! + this.#words[at + CALLED]! >= most) return false
    for (let c = 0; c <= before; c++) if (this.#words[at + WAITING + c]! > 0) return false
    return true
  }

  #row(thread: number, place: number): number {
    return (thread * this.#entries + place) * (1 + CLASSES)
  }

  #lockOf(place: number): number {
    const set = Math.floor(place / WAYS)
    lockSet(this.#locks, set)
    return set
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
      if (free === -1 && words[at + COUNT]! + words[at + CALLED]! === 0 && this.waiting(entry) === 0)
        free = entry
    }
    if (free === -1) return -1
    words[free * WORDS + LOW] = low
    words[free * WORDS + HIGH] = high
    return free
  }
}
