import { ProbeMismatch } from '../probe.ts'

/** Longest line of a chunk's size with its extensions. */
const MOST_LINE = 1024

/** Takes the chunked coding (RFC 9112 §7.1) off a body, in whatever pieces it comes. */
export class Chunks {
  #line = ''
  #left = 0
  #afterData = false
  /** The last chunk has been seen. */
  ended = false

  /** The data within `bytes`. */
  data(bytes: Buffer): Buffer[] {
    const parts: Buffer[] = []
    for (let at = 0; at < bytes.length && !this.ended;) {
      if (this.#left > 0) {
        const end = Math.min(bytes.length, at + this.#left)
        parts.push(bytes.subarray(at, end))
        this.#left -= end - at
        this.#afterData = this.#left === 0
        at = end
        continue
      }
      const feed = bytes.indexOf(10, at)
      this.#line += bytes.toString('latin1', at, feed === -1 ? bytes.length : feed)
      if (this.#line.length > MOST_LINE) throw new ProbeMismatch('a chunk without a size')
      if (feed === -1) return parts
      at = feed + 1
      this.#endLine()
    }
    return parts
  }

  #endLine(): void {
    const line = this.#line
    this.#line = ''
    if (this.#afterData && line.trim() === '') {
      this.#afterData = false
      return
    }
    const size = /^([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?\r?$/.exec(line)
    if (size === null) throw new ProbeMismatch('a chunk without a size')
    this.#left = Number.parseInt(size[1]!, 16)
    this.#afterData = false
    this.ended = this.#left === 0
  }
}
