/** What one instance has heard of the removals that Redis counts. */
export class HeardRemovals {
  #all = 0
  /** The last count that was read. */
  #counted = 0
  /** The one before. */
  #due = 0
  #heard = 0
  /** What had been heard when Redis was asked for the last count. */
  #heardThen = 0

  /** Of so many it has heard all. */
  get all(): number {
    return this.#all
  }

  heard(): void {
    this.#heard++
  }

  /** Redis is asked for the count: call it before. */
  asks(): number {
    return this.#heard
  }

  /** From here on it hears, and needs none of those before. `heardThen`: see `asks`. */
  begin(count: number, heardThen: number): void {
    this.#heard = count + this.#heard - heardThen
    this.#all = this.#counted = this.#due = this.#heardThen = count
  }

  /** Call it once in a while with what Redis has said. */
  counted(count: number, heardThen: number): void {
    // What was heard a while ago and is not counted now never will be. It does not stand for others that are not heard.
    const surplus = Math.max(0, this.#heardThen - count)
    this.#heard -= surplus
    this.#heardThen = heardThen - surplus
    this.#due = this.#counted
    this.#counted = count
  }

  /**
   * Call it after an answer of the server that it hears. `isOrdered`: whoever gets an answer from there has heard all
   * that was counted before. Else messages come by way of other nodes: they have had the time between two counts, and
   * false says that some have not come.
   */
  heardAll(isOrdered: boolean): boolean {
    if (isOrdered) this.#all = this.#counted
    else if (this.#heard < this.#due) return false
    else this.#all = this.#due
    return true
  }
}
