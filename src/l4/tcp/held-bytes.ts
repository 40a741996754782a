import { Pieces } from '../../net/transport/pieces.ts'

/** Most bytes that are held before the backend is connected (and one read more); then the client is not read. */
const MAX_HELD_BYTES = 65_536

/** What happened on the client's side before the upstream was there. */
export interface Held {
  /** Bytes read from the client that the backend has not got yet; they stay untouched from now on. */
  readonly bytes?: readonly Uint8Array[]
  /** The client has sent its FIN. */
  readonly ended?: boolean
}

/** Bytes that a client sent before a backend was connected. */
export class HeldBytes {
  readonly #pieces = new Pieces()
  #size = 0

  get empty(): boolean {
    return this.#size === 0
  }

  get full(): boolean {
    return this.#size >= MAX_HELD_BYTES
  }

  /** Copies: `buffer` is valid during the read only. */
  hold(buffer: Buffer, start: number, end: number): void {
    this.#pieces.add(buffer, start, end)
    this.#size += end - start
  }

  first(): Buffer | undefined {
    return this.#pieces.first()
  }

  /** All of it, which is then no longer held. */
  take(): readonly Buffer[] {
    this.#size = 0
    return this.#pieces.take()
  }
}
