import type { Random } from '../../../core/random.ts'
import type { View } from '../../pool/view.ts'

/** Shares are kept in so many steps: half of an integer, the other half of which is the alias. */
const STEPS = 65_536

/**
 * Vose's alias method: a weighted draw among the view's usable backends in one look-up, however many there are. 30,000
 * take 120 KB; with a float and an integer in arrays of their own a draw took two misses.
 */
export class AliasTable {
  #revision = -1
  #even = true
  /** By column: its share in the upper 16 bits, in the lower ones the column that has the rest. */
  #columns = new Uint32Array(0)

  /** A position, or -1 when nothing is usable. It may be full or tried. */
  draw(view: View, random: Random): number {
    if (view.revision !== this.#revision) this.#rebuild(view)
    if (view.count === 0) return -1
    const at = random() * view.count
    const column = Math.floor(at)
    if (this.#even) return view.at(column)
    const entry = this.#columns[column]!
    return view.at((at - column) * STEPS < entry >>> 16 ? column : entry & 0xffff)
  }

  #rebuild(view: View): void {
    this.#revision = view.revision
    const count = view.count
    let total = 0
    this.#even = true
    for (let i = 0; i < count; i++) {
      const weight = view.weight(view.at(i))
      total += weight
      if (weight !== view.weight(view.at(0))) this.#even = false
    }
    if (this.#even) return
    const columns = (this.#columns = new Uint32Array(count))
    const share = new Float64Array(count)
    // Two stacks in one: columns of less than their share from below, those of more from above.
    const stack = new Int32Array(count)
    let small = 0
    let large = count
    for (let i = 0; i < count; i++) {
      share[i] = (view.weight(view.at(i)) * count) / total
      stack[share[i]! < 1 ? small++ : --large] = i
      // What rounding leaves over is whole: the rest is its own.
      columns[i] = i
    }
    while (small > 0 && large < count) {
      const low = stack[--small]!
      const high = stack[large]!
      columns[low] = ((Math.floor(share[low]! * STEPS) << 16) | high) >>> 0
      share[high]! -= 1 - share[low]!
      if (share[high]! >= 1) continue
      large++
      stack[small++] = high
    }
  }
}

/** The first that the view admits from `position` on, in the order of the usable ones; -1: none. */
export function nextAdmitted(view: View, start: number, context: Parameters<View['admits']>[1]): number {
  for (let step = 0; step < view.count; step++) {
    const position = view.at((start + step) % view.count)
    if (view.admits(position, context)) return position
  }
  return -1
}
