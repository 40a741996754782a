import { readFileSync } from 'node:fs'

/** A pool may take another place while it has fewer than this many times those that are free. */
const SHARE = 8

interface Line {
  inside: number
  /** In order; each entry is its own object. */
  readonly waiting: Set<Entry>
}

interface Entry {
  readonly enter: () => void
  /** The longest waiter: its probe was due first. */
  readonly turn: number
}

/**
 * Bounds the probes under way, and with them the descriptors. However many backends of one pool hang, it never takes the
 * last places: what it may have shrinks with what is free, so that another pool always finds some. Among pools that
 * wait, the probe that was due first goes first.
 */
export class ProbePlaces {
  /** May change at any time; those inside stay. */
  places: number
  inside = 0
  #turns = 0
  readonly #lines = new Map<string, Line>()

  constructor(places: number) {
    this.places = places
  }

  /** Calls `enter` now or later. The function returned cancels the wait; once `enter` was called it does nothing. */
  enter(pool: string, enter: () => void): () => void {
    let line = this.#lines.get(pool)
    if (line === undefined) this.#lines.set(pool, (line = { inside: 0, waiting: new Set() }))
    if (line.waiting.size === 0 && this.#admits(line)) {
      this.#let(line, enter)
      return () => {}
    }
    const entry = { enter, turn: this.#turns++ }
    line.waiting.add(entry)
    return () => {
      line.waiting.delete(entry)
      this.#forget(pool, line)
    }
  }

  /** A probe of `pool` has ended: its place is free. */
  leave(pool: string): void {
    const own = this.#lines.get(pool)!
    own.inside--
    this.inside--
    for (let line = this.#next(); line !== undefined; line = this.#next()) {
      const [entry] = line.waiting
      line.waiting.delete(entry!)
      this.#let(line, entry!.enter)
    }
    this.#forget(pool, own)
  }

  #next(): Line | undefined {
    if (this.inside >= this.places) return undefined
    let next: Line | undefined
    let first = Infinity
    for (const line of this.#lines.values()) {
      const [entry] = line.waiting
      if (entry === undefined || entry.turn >= first || !this.#admits(line)) continue
      next = line
      first = entry.turn
    }
    return next
  }

  #admits(line: Line): boolean {
    return line.inside < SHARE * (this.places - this.inside)
  }

  #let(line: Line, enter: () => void): void {
    line.inside++
    this.inside++
    enter()
  }

  #forget(pool: string, line: Line): void {
    if (line.inside === 0 && line.waiting.size === 0) this.#lines.delete(pool)
  }
}

const MOST = 16_384

/**
 * Places for `backends` probes: enough for all of them to hang at once, and for another pool's beside them; but no more
 * than a quarter of the descriptors that this process may have.
 */
export function placesFor(backends: number, descriptors = descriptorLimit()): number {
  return Math.max(16, Math.min(MOST, Math.floor(descriptors / 4), Math.ceil(1.25 * backends) + 32))
}

let known: number | undefined

/** Of the process: `Max open files`. Infinity where nobody says. */
function descriptorLimit(): number {
  if (known !== undefined) return known
  try {
    const match = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))
    known = match === null ? Infinity : Number(match[1])
  } catch {
    return Infinity
  }
  return known
}
