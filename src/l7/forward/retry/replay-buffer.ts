import { Pieces } from '../../../net/transport/pieces.ts'

/** More than this of a body is not kept for another attempt. */
const REPLAY_BYTES = 65_536

/** What was sent of a request's body, as long as it may have to be sent again. */
export class ReplayBuffer {
  readonly #pieces = new Pieces()
  #bytes = 0
  #overflown = false
  readonly #most: number

  constructor(atHand = 0) {
    this.#most = Math.max(REPLAY_BYTES, atHand)
  }

  /** Nothing is missing: the body can be sent from its beginning. */
  get whole(): boolean {
    return !this.#overflown
  }

  get chunks(): readonly Buffer[] {
    return this.#pieces.list
  }

  add(buffer: Buffer, start: number, end: number): void {
    if (this.#overflown) return
    this.#bytes += end - start
    if (this.#bytes > this.#most) {
      this.#overflown = true
      this.#pieces.clear()
    } else {
      this.#pieces.add(buffer, start, end)
    }
  }

  drop(): void {
    this.#overflown = true
    this.#pieces.clear()
  }
}
