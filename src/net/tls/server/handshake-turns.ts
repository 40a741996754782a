/** A handshake takes 0.3 ms (P-256) to 2 ms (RSA 4096): requests under way are delayed by at most this long. */
const BUDGET_MS = 2

/** Spreads the work of many handshakes over turns of the event loop, so that requests under way continue in between. */
export class HandshakeTurns {
  #waiting: (() => void)[] = []
  #next = 0
  #spentMs = 0
  #scheduled = false

  get waiting(): number {
    return this.#waiting.length - this.#next
  }

  /** Work that comes now runs at once. */
  get free(): boolean {
    return this.waiting === 0 && this.#spentMs < BUDGET_MS
  }

  /** Runs at once while this turn has time left, else in a later one, in order. */
  run(work: () => void): void {
    if (this.free) this.#do(work)
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
    // Remove finished entries once they are more than the waiting ones.
    if (this.#next > this.#waiting.length / 2) {
      this.#waiting = this.#waiting.slice(this.#next)
      this.#next = 0
    }
    if (this.waiting > 0) this.#schedule()
  }
}
