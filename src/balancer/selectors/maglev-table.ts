import { hashString, mix32 } from '../hash-string.ts'
import type { View } from '../view.ts'

/** Primes. The small one gives each of 1,000 backends 65 places; beyond that the large one (1.3 MB) is used. */
const SMALL = 65_537
const LARGE = 655_373
const MOST_ON_SMALL = 1_000

/**
 * Maglev's table (Eisenbud et al. 2016, §3.4): each backend has its own order of all places and they take turns, each
 * taking the first place of its order that is free. Nearly equal shares, and a change of membership moves few others.
 * A backend of less than the greatest weight sits out turns in proportion.
 */
export function buildMaglev(view: View): Uint16Array {
  const { backends } = view
  const size = backends.length <= MOST_ON_SMALL ? SMALL : LARGE
  const table = new Uint16Array(size)
  const taken = new Uint8Array(size)
  const next = new Uint32Array(backends.length)
  const skip = new Uint32Array(backends.length)
  const turns = new Float64Array(backends.length)
  const credit = new Float64Array(backends.length)
  const heaviest = backends.reduce((most, backend) => Math.max(most, backend.weight), 1)
  for (const [position, backend] of backends.entries()) {
    const seed = hashString(backend.name)
    next[position] = mix32(seed ^ 0x9e3779b9) % size
    skip[position] = (mix32(seed ^ 0x85ebca6b) % (size - 1)) + 1
    turns[position] = backend.weight / heaviest
  }
  for (let filled = 0; filled < size;) {
    for (let position = 0; position < backends.length && filled < size; position++) {
      credit[position]! += turns[position]!
      if (credit[position]! < 1) continue
      credit[position]!--
      let place = next[position]!
      while (taken[place] === 1) place = (place + skip[position]!) % size
      taken[place] = 1
      table[place] = position
      next[position] = (place + skip[position]!) % size
      filled++
    }
  }
  return table
}
