/** What the threads of one instance know together of a cache's purges. */
export class TierWords {
  readonly memory: SharedArrayBuffer
  readonly #words: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory
    this.#words = new Int32Array(memory)
  }

  static create(): TierWords {
    const words = new TierWords(new SharedArrayBuffer(8))
    words.applied = -1
    return words
  }

  /** Number of the last purge that the memory of this instance has seen; -1: none was heard of yet. Main thread writes. */
  get applied(): number {
    return Atomics.load(this.#words, 0)
  }

  set applied(number: number) {
    Atomics.store(this.#words, 0, number)
  }

  /** Purges of this instance that Redis has not heard of: until then nothing is read from there. Main thread writes. */
  get unsent(): number {
    return Atomics.load(this.#words, 1)
  }

  set unsent(count: number) {
    Atomics.store(this.#words, 1, count)
  }
}
