import { hashString, mix32 } from '../../../core/hash-string.ts'
import type { View } from '../../pool/view.ts'

/** Primes. The small one gives each of 1,000 backends 65 places; beyond that the large one (1.3 MB) is used. */
const SMALL = 65_537
const LARGE = 655_373
const MOST_ON_SMALL = 1_000
/** Places looked at in one piece: about 2 ms. A table for 30,000 backends takes nine million. */
const LOOKS = 500_000
/** What taking a place costs, in looks: four stores, mostly to memory that is not near. */
const STORE = 8

/**
 * Maglev's table (Eisenbud et al. 2016, §3.4): each backend has its own order of all places and they take turns, each
 * taking the first place of its order that is free. Nearly equal shares, and a change of membership moves few others.
 * A backend of less than the greatest weight sits out turns in proportion. Yields between pieces.
 */
export function* buildMaglev({ backends }: View): Generator<void, Uint16Array> {
  const filling = new Filling(backends.length, backends.length <= MOST_ON_SMALL ? SMALL : LARGE)
  for (const [position, { name, weight }] of backends.entries())
    filling.add(position, hashString(name), weight)
  while (!filling.go(LOOKS)) yield
  return filling.table
}

/** A table that is being filled. */
class Filling {
  readonly table: Uint16Array
  readonly #taken: Uint8Array
  /** By backend: the place that it asks for next, and how far on the one after that is. */
  readonly #next: Uint32Array
  readonly #step: Uint32Array
  readonly #weights: Uint32Array
  readonly #credit: Uint32Array
  #heaviest = 1
  #filled = 0
  #turn = 0

  constructor(backends: number, size: number) {
    this.table = new Uint16Array(size)
    this.#taken = new Uint8Array(size)
    this.#next = new Uint32Array(backends)
    this.#step = new Uint32Array(backends)
    this.#weights = new Uint32Array(backends)
    this.#credit = new Uint32Array(backends)
  }

  add(position: number, seed: number, weight: number): void {
    const size = this.table.length
    this.#next[position] = mix32(seed ^ 0x9e3779b9) % size
    this.#step[position] = (mix32(seed ^ 0x85ebca6b) % (size - 1)) + 1
    this.#weights[position] = weight
    this.#heaviest = Math.max(this.#heaviest, weight)
  }

  /** Goes on until about `looks` places were looked at; true once the table is full. */
  go(looks: number): boolean {
    const table = this.table
    const taken = this.#taken
    const size = table.length
    const heaviest = this.#heaviest
    let position = this.#turn
    let left = looks
    while (left > 0 && this.#filled < size) {
      const earned = this.#credit[position]! + this.#weights[position]!
      this.#credit[position] = earned < heaviest ? earned : earned - heaviest
      if (earned >= heaviest) {
        // Not by remainder: a division costs more than all else here.
        const step = this.#step[position]!
        let place = this.#next[position]!
        for (; taken[place] === 1; left--) {
          place += step
          if (place >= size) place -= size
        }
        taken[place] = 1
        table[place] = position
        place += step
        this.#next[position] = place < size ? place : place - size
        this.#filled++
        left -= STORE
      }
      left--
      if (++position === this.#weights.length) position = 0
    }
    this.#turn = position
    return this.#filled === size
  }
}
