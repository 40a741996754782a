import type { Random } from '../../../core/random.ts'
import type { PickContext } from '../../pool/pick-context.ts'
import type { View } from '../../pool/view.ts'

/** Stride scheduling: who has the least virtual time serves and moves on by 1/weight. A binary heap, this thread's own. */
export class StrideHeap {
  readonly #positions: Int32Array
  readonly #times: Float64Array
  readonly #size: number

  constructor(view: View, random: Random) {
    this.#size = view.count
    this.#positions = view.usable.slice(0, view.count)
    this.#times = new Float64Array(view.count)
    // A first time anywhere within its own stride: all shares are right from the start, and threads differ.
    for (let i = 0; i < this.#size; i++) this.#times[i] = random() / view.weight(this.#positions[i]!)
    for (let i = (this.#size >> 1) - 1; i >= 0; i--) this.#sift(i)
  }

  pick(view: View, context: PickContext): number {
    // A refused backend pays as well, so that none is asked twice in vain: at most `size` turns.
    for (let turn = 0; turn < this.#size; turn++) {
      const position = this.#positions[0]!
      this.#times[0]! += 1 / view.weight(position)
      this.#sift(0)
      if (view.admits(position, context)) return position
    }
    return this.#scan(view, context)
  }

  /** `size` turns may have asked heavy backends several times and light ones never. */
  #scan(view: View, context: PickContext): number {
    for (let i = 0; i < this.#size; i++) {
      if (view.admits(this.#positions[i]!, context)) return this.#positions[i]!
    }
    return -1
  }

  #sift(from: number): void {
    const position = this.#positions[from]!
    const time = this.#times[from]!
    let hole = from
    for (;;) {
      let child = 2 * hole + 1
      if (child >= this.#size) break
      if (child + 1 < this.#size && this.#times[child + 1]! < this.#times[child]!) child++
      if (this.#times[child]! >= time) break
      this.#positions[hole] = this.#positions[child]!
      this.#times[hole] = this.#times[child]!
      hole = child
    }
    this.#positions[hole] = position
    this.#times[hole] = time
  }
}
