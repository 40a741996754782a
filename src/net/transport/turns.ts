/**
 * Spreads work that comes in lots over turns of the event loop, so that what else is under way continues in between:
 * each turn takes the work that waits, in order, until `budgetMs` are spent.
 */
export class Turns {
  readonly #budgetMs: number
  #waiting: (() => void)[] = []
  #next = 0
  #spentMs = 0
  #scheduled = false

  constructor(budgetMs: number) {
    this.#budgetMs = budgetMs
  }

  get waiting(): number {
    return this.#waiting.length - this.#next
  }

  /** Work that comes now runs at once. */
  get free(): boolean {
    return this.waiting === 0 && this.#spentMs < this.#budgetMs
  }

  /** Runs at once while this turn has time left, else in a later one, in order. */
  run(work: () => void): void {
    if (this.free) this.#do(work)
    else this.#waiting.push(work)
    this.#schedule()
  }

  /** Runs after what waits, never at once. */
  later(work: () => void): void {
    this.#waiting.push(work)
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
    while (this.waiting > 0 && this.#spentMs < this.#budgetMs) this.#do(this.#waiting[this.#next++]!)
    // Remove finished entries once they are more than the waiting ones.
    if (this.#next > this.#waiting.length / 2) {
      this.#waiting = this.#waiting.slice(this.#next)
      this.#next = 0
    }
    if (this.waiting > 0) this.#schedule()
  }
}

/** How long the connections of a thread together go on, in one turn, with what they have read beyond a slice each. */
const READ_MS = 0.5

/** For all clients' connections of this thread. */
export const readTurns = new Turns(READ_MS)
