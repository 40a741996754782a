/** The most CONTINUATIONs that a field section may have. */
const MAX_CONTINUATIONS = 8
/** A CONTINUATION shorter than this that does not end its section counts as a glitch. */
const SMALL = 1024

/** Collects a field section that comes in several frames (RFC 9113 §6.10). It is decoded only when it is complete. */
export class BlockBuffer {
  /** 0 while no section is under way. */
  streamId = 0
  endStream = false
  #parts: Buffer[] = []
  #bytes = 0
  #continuations = 0

  get open(): boolean {
    return this.streamId !== 0
  }

  begin(streamId: number, endStream: boolean, buffer: Buffer, start: number, end: number): void {
    this.streamId = streamId
    this.endStream = endStream
    this.#parts = [Buffer.from(buffer.subarray(start, end))]
    this.#bytes = end - start
    this.#continuations = 0
  }

  /** False: too many frames or too many bytes. */
  add(buffer: Buffer, start: number, end: number, maxBytes: number): boolean {
    this.#bytes += end - start
    if (++this.#continuations > MAX_CONTINUATIONS || this.#bytes > maxBytes) return false
    this.#parts.push(Buffer.from(buffer.subarray(start, end)))
    return true
  }

  take(): Buffer {
    const block = Buffer.concat(this.#parts)
    this.streamId = 0
    this.#parts = []
    return block
  }
}

export function isSmallContinuation(bytes: number): boolean {
  return bytes < SMALL
}
