import { hashText, urlOf } from '../../l7/cache/store/memory/key-hash.ts'

const HEAD_WORDS = 4
/** Removals are counted by hash of the URL; the last word of a row counts those of more than one URL. */
const SLOTS = 512
const ROW_WORDS = SLOTS + 1

/** What the threads of one instance share about a cache's purges and removals. */
export class TierWords {
  readonly memory: SharedArrayBuffer
  readonly #words: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory
    this.#words = new Int32Array(memory)
  }

  /** `workers`: threads besides the main one. */
  static create(workers: number): TierWords {
    const words = new TierWords(new SharedArrayBuffer(4 * (HEAD_WORDS + (workers + 1) * ROW_WORDS)))
    words.applied = -1
    return words
  }

  /**
   * Number of the last purge that was applied to this instance's memory; -1: none is known yet. Written by the main
   * thread.
   */
  get applied(): number {
    return Atomics.load(this.#words, 0)
  }

  set applied(number: number) {
    Atomics.store(this.#words, 0, number)
  }

  /**
   * Purges of this instance that Redis does not know: until then nothing is read from there. Written by the main
   * thread.
   */
  get unsent(): number {
    return Atomics.load(this.#words, 1)
  }

  set unsent(count: number) {
    Atomics.store(this.#words, 1, count)
  }

  /**
   * Removals of other instances are not heard now: what is in memory may be older than they say, so nothing of it may
   * reach Redis. Written by the main thread.
   */
  get deaf(): boolean {
    return Atomics.load(this.#words, 3) !== 0
  }

  set deaf(deaf: boolean) {
    Atomics.store(this.#words, 3, deaf ? 1 : 0)
  }

  /** How many other instances listen to removals. Written by the main thread. */
  get others(): number {
    return Atomics.load(this.#words, 2)
  }

  set others(count: number) {
    Atomics.store(this.#words, 2, count)
  }

  /** Whether a thread of this instance has removed it, or may have, and Redis has not confirmed that. */
  removing(key: string): boolean {
    const slot = slotOf(key)
    for (let row = HEAD_WORDS; row < this.#words.length; row += ROW_WORDS) {
      if (Atomics.load(this.#words, row + slot) > 0 || Atomics.load(this.#words, row + SLOTS) > 0) return true
    }
    return false
  }

  /** Thread `thread` writes its row. `key` undefined: more than one URL. Returns a function that ends it. */
  begin(thread: number, key: string | undefined): () => void {
    const at = HEAD_WORDS + thread * ROW_WORDS + (key === undefined ? SLOTS : slotOf(key))
    Atomics.add(this.#words, at, 1)
    return () => void Atomics.sub(this.#words, at, 1)
  }

  /** Removals that a dead thread with this number has left; undefined: none. Returns a function that ends them. */
  leftBy(thread: number): (() => void) | undefined {
    const at = HEAD_WORDS + thread * ROW_WORDS
    const left = this.#words.slice(at, at + ROW_WORDS)
    if (left.every((count) => count === 0)) return undefined
    return () => left.forEach((count, i) => void Atomics.sub(this.#words, at + i, count))
  }
}

function slotOf(key: string): number {
  return hashText(urlOf(key), 0) & (SLOTS - 1)
}
