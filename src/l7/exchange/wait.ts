import type { Verdict } from '../stages/verdict.ts'

/** Waits of a thread at once; one more is over at once, as if its time had passed. */
const MAX_WAITS = 10_000

let waits = 0

/** The exchange that waits, as its wait sees it. */
export interface Waiting {
  /** Clock.after */
  after(ms: number, run: () => void): () => void
  /** Runs `decide` guarded, and goes on by its verdict. */
  waitOver(decide: () => Verdict): void
}

/**
 * One wait of a stage: it ends once, by `resume`, by its deadline, or with the exchange. Meanwhile the request's body is
 * not read, so that an upload is held back and nothing of it is lost.
 */
export class Wait {
  readonly #waiting: Waiting
  readonly #stopClock: () => void
  #over = false
  /** Stops what is waited for: the client has left, or the deadline has passed. Written by the stage that waits. */
  onCancel: (() => void) | undefined
  /** Asks what it decides, and judges the answer. Written by plugins' stages only. */
  judge: ((decide: () => Verdict) => Verdict) | undefined

  constructor(waiting: Waiting, timeoutMs: number, onTimeout: () => Verdict) {
    this.#waiting = waiting
    this.#stopClock = waiting.after(waits++ < MAX_WAITS ? timeoutMs : 0, () => {
      if (!this.#end()) return
      this.onCancel?.()
      this.#decide(onTimeout)
    })
  }

  get over(): boolean {
    return this.#over
  }

  /** What was waited for is there: `decide` says how it goes on. Does nothing when the wait is over already. */
  resume(decide: () => Verdict): void {
    if (!this.#end()) return
    this.#stopClock()
    this.#decide(decide)
  }

  #decide(decide: () => Verdict): void {
    const { judge } = this
    this.#waiting.waitOver(judge === undefined ? decide : () => judge(decide))
  }

  /** The exchange has ended meanwhile. */
  cancel(): void {
    if (!this.#end()) return
    this.#stopClock()
    this.onCancel?.()
  }

  /** False when it was over already. */
  #end(): boolean {
    if (this.#over) return false
    this.#over = true
    waits--
    return true
  }
}
