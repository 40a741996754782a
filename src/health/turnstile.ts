/** Lets at most `places` in at once; who comes later waits in order. Leaving lets the next one in. */
export class Turnstile {
  /** May change at any time; those inside stay. */
  places: number
  readonly #waiting = new Set<() => void>()
  inside = 0

  constructor(places: number) {
    this.places = places
  }

  /** Calls `enter` now or later; the function returned takes it out of the line (nothing, once it is in). */
  enter(enter: () => void): () => void {
    if (this.inside < this.places) {
      this.inside++
      enter()
      return () => {}
    }
    // A Set keeps the order; each entry is its own object even if the same function waits twice.
    const entry = () => enter()
    this.#waiting.add(entry)
    return () => this.#waiting.delete(entry)
  }

  leave(): void {
    this.inside--
    for (const next of this.#waiting) {
      this.#waiting.delete(next)
      this.inside++
      next()
      return
    }
  }
}
