import type { Random } from '../../core/random.ts'
import type { View } from '../view.ts'

/** Vose's alias method: a weighted draw among the view's usable backends in two look-ups, however many there are. */
export class AliasTable {
  #revision = -1
  #even = true
  #share = new Float64Array(0)
  #alias = new Int32Array(0)

  /** A position, or -1 when nothing is usable. It may be full or tried. */
  draw(view: View, random: Random): number {
    if (view.revision !== this.#revision) this.#rebuild(view)
    if (view.count === 0) return -1
    const at = random() * view.count
    const column = Math.floor(at)
    if (this.#even || at - column < this.#share[column]!) return view.at(column)
    return view.at(this.#alias[column]!)
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
    const share = (this.#share = new Float64Array(count))
    const alias = (this.#alias = new Int32Array(count))
    const small: number[] = []
    const large: number[] = []
    for (let i = 0; i < count; i++) {
      share[i] = (view.weight(view.at(i)) * count) / total
      ;(share[i]! < 1 ? small : large).push(i)
    }
    while (small.length > 0 && large.length > 0) {
      const low = small.pop()!
      const high = large.at(-1)!
      alias[low] = high
      share[high]! -= 1 - share[low]!
      if (share[high]! < 1) small.push(large.pop()!)
    }
    // What rounding left over is whole.
    for (const i of [...small, ...large]) share[i] = 1
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
