/** A binary heap of timed events over typed arrays: the earliest first, no object per event. */
export class EventHeap {
  readonly #times: Float64Array
  readonly #values: Int32Array
  #size = 0

  constructor(capacity: number) {
    this.#times = new Float64Array(capacity)
    this.#values = new Int32Array(capacity)
  }

  /** Time of the earliest; Infinity when there is none. */
  get nextAt(): number {
    return this.#size === 0 ? Infinity : this.#times[0]!
  }

  push(time: number, value: number): void {
    let hole = this.#size++
    while (hole > 0) {
      const parent = (hole - 1) >> 1
      if (this.#times[parent]! <= time) break
      this.#times[hole] = this.#times[parent]!
      this.#values[hole] = this.#values[parent]!
      hole = parent
    }
    this.#times[hole] = time
    this.#values[hole] = value
  }

  /** Takes the earliest; call only when there is one. */
  pop(): number {
    const first = this.#values[0]!
    const time = this.#times[--this.#size]!
    const value = this.#values[this.#size]!
    let hole = 0
    for (;;) {
      let child = 2 * hole + 1
      if (child >= this.#size) break
      if (child + 1 < this.#size && this.#times[child + 1]! < this.#times[child]!) child++
      if (this.#times[child]! >= time) break
      this.#times[hole] = this.#times[child]!
      this.#values[hole] = this.#values[child]!
      hole = child
    }
    this.#times[hole] = time
    this.#values[hole] = value
    return first
  }
}
