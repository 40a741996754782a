import { Pieces } from '../../net/transport/pieces.ts'

/** The body of a request that is held until it is whole, or longer than `most`. */
export class HeldBody {
  readonly #pieces = new Pieces()
  bytes = 0
  /** All of it is here; the trailers are dropped, since it goes on with a length. */
  whole = false
  readonly #most: number
  readonly #ready: () => void

  /** `ready`: called once, when it is whole or too long. */
  constructor(most: number, ready: () => void) {
    this.#most = most
    this.#ready = ready
  }

  get chunks(): readonly Buffer[] {
    return this.#pieces.list
  }

  /** All of it, which is then no longer held. */
  take(): readonly Buffer[] {
    return this.#pieces.take()
  }

  add(buffer: Buffer, start: number, end: number): void {
    const before = this.bytes
    this.bytes += end - start
    this.#pieces.add(buffer, start, end)
    if (before <= this.#most && this.bytes > this.#most) this.#ready()
  }

  end(): void {
    this.whole = true
    if (this.bytes <= this.#most) this.#ready()
  }
}
