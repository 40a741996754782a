/** Answers of an authority by digest, each valid for a time. When it is full, the oldest is dropped. */
export class Remembered<Value> {
  readonly #entries = new Map<string, { readonly value: Value; readonly until: number }>()
  readonly #max: number

  /** 0: nothing is remembered. */
  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#entries.size
  }

  /** `now` in ms of the same clock as `until`. */
  get(key: string, now: number): Value | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (now < entry.until) return entry.value
    this.#entries.delete(key)
    return undefined
  }

  put(key: string, value: Value, until: number): void {
    if (this.#max === 0) return
    this.#entries.delete(key)
    if (this.#entries.size >= this.#max) this.#entries.delete(this.#entries.keys().next().value!)
    this.#entries.set(key, { value, until })
  }
}
