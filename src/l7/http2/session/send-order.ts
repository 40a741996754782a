import type { Stream } from './stream.ts'

const URGENCIES = 8

/**
 * The streams that have bytes waiting, in the order in which they are to be sent (RFC 9218 §10): the more urgent first;
 * of one urgency first those whose pieces are of no use, one after the other by id, then the incremental ones in turns.
 */
export class SendOrder {
  readonly #whole: Stream[][] = []
  readonly #turns: Stream[][] = []
  #size = 0

  constructor() {
    for (let i = 0; i < URGENCIES; i++) {
      this.#whole.push([])
      this.#turns.push([])
    }
  }

  get size(): number {
    return this.#size
  }

  add(stream: Stream): void {
    this.#size++
    if (stream.incremental) {
      this.#turns[stream.urgency]!.push(stream)
      return
    }
    const list = this.#whole[stream.urgency]!
    let at = list.length
    while (at > 0 && list[at - 1]!.id > stream.id) at--
    list.splice(at, 0, stream)
  }

  /** `stream` must have the urgency that it was added with. */
  remove(stream: Stream): void {
    const list = (stream.incremental ? this.#turns : this.#whole)[stream.urgency]!
    const at = list.indexOf(stream)
    if (at === -1) return
    list.splice(at, 1)
    this.#size--
  }

  /** The first one whose own window is open; an incremental one goes to the end of its line. */
  next(): Stream | undefined {
    for (let urgency = 0; urgency < URGENCIES; urgency++) {
      for (const stream of this.#whole[urgency]!) if (canSend(stream)) return stream
      const turns = this.#turns[urgency]!
      const at = turns.findIndex(canSend)
      if (at === -1) continue
      const [stream] = turns.splice(at, 1)
      turns.push(stream!)
      return stream
    }
    return undefined
  }

  all(): Stream[] {
    return [...this.#whole.flat(), ...this.#turns.flat()]
  }
}

function canSend(stream: Stream): boolean {
  return stream.sendWindow > 0
}
