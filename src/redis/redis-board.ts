const UNUSED = 0
const UP = 1
const AWAY = 2

export interface RedisReach {
  /** Threads that reach it. */
  readonly up: number
  /** Threads that ask it at all. */
  readonly threads: number
}

/** Which threads reach Redis, in memory that all share: one line of the log tells of a change, whoever saw it first. */
export class RedisBoard {
  readonly memory: ArrayBufferLike
  /** What was last told, then a word for each thread. */
  readonly #words: Int32Array

  constructor(memory: ArrayBufferLike) {
    this.memory = memory
    this.#words = new Int32Array(memory)
  }

  static create({ threads, shared }: { readonly threads: number; readonly shared: boolean }): RedisBoard {
    const bytes = 4 * (1 + threads)
    return new RedisBoard(shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes))
  }

  /** Written by that thread. True: nobody has told of this yet. */
  found(thread: number, up: boolean): boolean {
    const state = up ? UP : AWAY
    Atomics.store(this.#words, 1 + thread, state)
    return Atomics.exchange(this.#words, 0, state) !== state
  }

  /** The thread asks it no more, or is gone. */
  leave(thread: number): void {
    Atomics.store(this.#words, 1 + thread, UNUSED)
    const threads = this.#words.subarray(1)
    if (threads.every((_, index) => Atomics.load(threads, index) === UNUSED))
      Atomics.store(this.#words, 0, UNUSED)
  }

  get reach(): RedisReach {
    let up = 0
    let threads = 0
    for (let i = 1; i < this.#words.length; i++) {
      const state = Atomics.load(this.#words, i)
      if (state !== UNUSED) threads++
      if (state === UP) up++
    }
    return { up, threads }
  }
}
