/** Looks for a text in a stream, in whatever pieces it comes. Keeps no more than the text's own length. */
export class TextSearch {
  readonly #wanted: string
  #tail = ''
  /** Bytes seen. */
  seen = 0

  /** `wanted` as latin1: a character for each byte. */
  constructor(wanted: string) {
    this.#wanted = wanted
  }

  /** Whether the text has been seen with these bytes. */
  found(bytes: Buffer): boolean {
    this.seen += bytes.length
    const text = this.#tail + bytes.toString('latin1')
    if (text.includes(this.#wanted)) return true
    this.#tail = this.#wanted.length === 1 ? '' : text.slice(1 - this.#wanted.length)
    return false
  }
}
