import type { Stream } from '../stream/stream.ts'

const URGENCIES = 8
const NONE: Stream[][] = []

/**
 * The streams with waiting bytes, in the order in which they are to be sent (RFC 9218 §10): the more urgent first;
 * within an urgency first those that are not incremental, one after the other by id, then the incremental ones in
 * turns.
 */
export class SendOrder {
  /** By urgency; created when bytes first wait, since on most connections they never do. */
  #whole: Stream[][] = NONE
  #turns: Stream[][] = NONE
  #size = 0

  get size(): number {
    return this.#size
  }

  add(stream: Stream): void {
    if (this.#whole === NONE) {
      this.#whole = Array.from({ length: URGENCIES }, () => [])
      this.#turns = Array.from({ length: URGENCIES }, () => [])
    }
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

  /** `stream` must have the same urgency as when it was added. */
  remove(stream: Stream): void {
    const list = (stream.incremental ? this.#turns : this.#whole)[stream.urgency]
    const at = list?.indexOf(stream) ?? -1
    if (list === undefined || at === -1) return
    list.splice(at, 1)
    this.#size--
  }

  /** The first one whose own window is open; an incremental one moves to the end of its line. */
  next(): Stream | undefined {
    for (let urgency = 0; urgency < this.#whole.length; urgency++) {
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
}

function canSend(stream: Stream): boolean {
  return stream.sendWindow > 0
}
