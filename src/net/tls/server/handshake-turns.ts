/** A handshake takes 0.3 ms (P-256) to 2 ms (RSA 4096): requests in flight wait no longer than this for those of others. */
const BUDGET_MS = 2

/** Runs the work of a burst of handshakes in turns of the event loop, so that what is in flight goes on in between. */
export class HandshakeTurns {
  #waiting: (() => void)[] = []
  #next = 0
  #spentMs = 0
  #scheduled = false

  get waiting(): number {
    return this.#waiting.length - this.#next
  }

  /** At once while this turn has time for it, else in a later one, in the order in which they came. */
  run(work: () => void): void {
    if (this.waiting === 0 && this.#spentMs < BUDGET_MS) this.#do(work)
    else this.#waiting.push(work)
    this.#schedule()
  }

  #do(work: () => void): void {
    const began = performance.now()
    work()
    this.#spentMs += performance.now() - began
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#turn())
  }

  #turn(): void {
    this.#scheduled = false
    this.#spentMs = 0
    while (this.waiting > 0 && this.#spentMs < BUDGET_MS) this.#do(this.#waiting[this.#next++]!)
    // What is done is forgotten once it is more than what waits.
    if (this.#next > this.#waiting.length / 2) {
      this.#waiting = this.#waiting.slice(this.#next)
      this.#next = 0
    }
    if (this.waiting > 0) this.#schedule()
  }
}
