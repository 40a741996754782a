import { hashString } from '../core/hash-string.ts'

const UNUSED = 0
const UP = 1
const AWAY = 2

const TOLD = 0
const REFUSAL = 1
const REASON = 2
const FIRST = 3

/** Instead of a reason's digest: no further reason is logged. */
const NO_MORE = 0

export interface RedisReach {
  /** Threads that reach Redis. */
  readonly up: number
  /** Threads that use it at all. */
  readonly threads: number
}

/**
 * Which threads reach Redis, in shared memory: one line of the log reports a change, whichever thread noticed it first.
 */
export class RedisBoard {
  readonly memory: ArrayBufferLike
  /**
   * The last reported state, the second of the last reported refusal, the last reported reason, then a word for each
   * thread.
   */
  readonly #words: Int32Array

  constructor(memory: ArrayBufferLike) {
    this.memory = memory
    this.#words = new Int32Array(memory)
  }

  static create({ threads, shared }: { readonly threads: number; readonly shared: boolean }): RedisBoard {
    const bytes = 4 * (FIRST + threads)
    return new RedisBoard(shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes))
  }

  /** Written by that thread. True: this change has not been logged yet. */
  found(thread: number, up: boolean, reason = ''): boolean {
    const state = up ? UP : AWAY
    Atomics.store(this.#words, FIRST + thread, state)
    if (Atomics.exchange(this.#words, TOLD, state) === state) return false
    Atomics.store(this.#words, REASON, digest(reason))
    return true
  }

  /** True: the reason differs from the logged one, and this has not been logged yet. Once until Redis is back. */
  tellsOfReason(reason: string): boolean {
    const told = Atomics.load(this.#words, REASON)
    if (told === NO_MORE || told === digest(reason)) return false
    return Atomics.compareExchange(this.#words, REASON, told, NO_MORE) === told
  }

  /** The last logged state. */
  get away(): boolean {
    return Atomics.load(this.#words, TOLD) === AWAY
  }

  /** True: no refused command was logged in the last `everyMs`. */
  tellsOfRefusal(now: number, everyMs: number): boolean {
    const second = Math.max(1, Math.floor(now / 1000))
    const last = Atomics.load(this.#words, REFUSAL)
    if (last !== 0 && second - last < everyMs / 1000) return false
    return Atomics.compareExchange(this.#words, REFUSAL, last, second) === last
  }

  /** The thread does not use it any more, or is gone. */
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
