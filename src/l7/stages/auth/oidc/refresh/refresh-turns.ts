const SLOTS = 1024
const WORDS = 3

/** Who has the slot: 0 nobody, otherwise the second in which the turn expires. */
const HOLDER = 0
/** The token of the last refresh in this slot. */
const LAST = 1
const LAST_AT = 2
/** How long a message from another thread may take. */
const NEWS_S = 5

/**
 * Decides in shared memory which thread may refresh a session. A slot serves many sessions: those that share one wait
 * for each other.
 */
export class RefreshTurns {
  readonly #words: Int32Array

  constructor(memory: ArrayBufferLike) {
    this.#words = new Int32Array(memory)
  }

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(SLOTS * WORDS * 4)
  }

  /**
   * `key`: hex digits, a digest of the token. 'done': another thread has just refreshed with this token and its message
   * is on the way; the turn is free. `now` in ms.
   */
  take(key: string, now: number, leaseMs: number): 'mine' | 'taken' | 'done' {
    const at = slotOf(key)
    const second = Math.floor(now / 1000)
    const until = second + Math.ceil(leaseMs / 1000) + 1
    const held = Atomics.load(this.#words, at + HOLDER)
    // A holder that takes longer than that is dead.
    if (held > second || Atomics.compareExchange(this.#words, at + HOLDER, held, until) !== held)
      return 'taken'
    const lately = second - Atomics.load(this.#words, at + LAST_AT) <= NEWS_S
    if (!lately || Atomics.load(this.#words, at + LAST) !== fingerprint(key)) return 'mine'
    Atomics.store(this.#words, at + HOLDER, 0)
    return 'done'
  }

  /** `done`: there is a new session, and the other threads have been told. */
  give(key: string, done: boolean, now: number): void {
    const at = slotOf(key)
    if (done) {
      Atomics.store(this.#words, at + LAST_AT, Math.floor(now / 1000))
      Atomics.store(this.#words, at + LAST, fingerprint(key))
    }
    Atomics.store(this.#words, at + HOLDER, 0)
  }
}

function slotOf(key: string): number {
  return (parseInt(key.slice(0, 8), 16) % SLOTS) * WORDS
}

function fingerprint(key: string): number {
  return parseInt(key.slice(8, 16), 16) | 1
}
