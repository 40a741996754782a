import { hashString } from '../core/hash-string.ts'

const UNUSED = 0
const UP = 1
const AWAY = 2

const TOLD = 0
const REFUSAL = 1
const REASON = 2
const FIRST = 3

/** In place of a reason's digest: no further reason is told. */
const NO_MORE = 0

export interface RedisReach {
  /** Threads that reach it. */
  readonly up: number
  /** Threads that ask it at all. */
  readonly threads: number
}

/** Which threads reach Redis, in memory that all share: one line of the log tells of a change, whoever saw it first. */
export class RedisBoard {
  readonly memory: ArrayBufferLike
  /** What was last told, the second of the clock at which a refusal was last told, the reason that was told, then a word for each thread. */
  readonly #words: Int32Array

  constructor(memory: ArrayBufferLike) {
    this.memory = memory
    this.#words = new Int32Array(memory)
  }

  static create({ threads, shared }: { readonly threads: number; readonly shared: boolean }): RedisBoard {
    const bytes = 4 * (FIRST + threads)
    return new RedisBoard(shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes))
  }

  /** Written by that thread. True: nobody has told of this yet. */
  found(thread: number, up: boolean, reason = ''): boolean {
    const state = up ? UP : AWAY
    Atomics.store(this.#words, FIRST + thread, state)
    if (Atomics.exchange(this.#words, TOLD, state) === state) return false
    Atomics.store(this.#words, REASON, digest(reason))
    return true
  }

  /** True: it is away for another reason than was told, and nobody has told of that yet. Once until it is found again. */
  tellsOfReason(reason: string): boolean {
    const told = Atomics.load(this.#words, REASON)
    if (told === NO_MORE || told === digest(reason)) return false
    return Atomics.compareExchange(this.#words, REASON, told, NO_MORE) === told
  }

  /** The last that was told. */
  get away(): boolean {
    return Atomics.load(this.#words, TOLD) === AWAY
  }

  /** True: nobody has told of a refused command in the last `everyMs`. */
  tellsOfRefusal(now: number, everyMs: number): boolean {
    const second = Math.max(1, Math.floor(now / 1000))
    const last = Atomics.load(this.#words, REFUSAL)
    if (last !== 0 && second - last < everyMs / 1000) return false
    return Atomics.compareExchange(this.#words, REFUSAL, last, second) === last
  }

  /** The thread asks it no more, or is gone. */
  leave(thread: number): void {
    Atomics.store(this.#words, FIRST + thread, UNUSED)
    const threads = this.#words.subarray(FIRST)
    if (threads.every((_, index) => Atomics.load(threads, index) === UNUSED))
      Atomics.store(this.#words, TOLD, UNUSED)
  }

  get reach(): RedisReach {
    let up = 0
    let threads = 0
    for (let i = FIRST; i < this.#words.length; i++) {
      const state = Atomics.load(this.#words, i)
      if (state !== UNUSED) threads++
      if (state === UP) up++
    }
    return { up, threads }
  }
}

function digest(reason: string): number {
  return hashString(reason) | 1
}
