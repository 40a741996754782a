import { writeLatin1 } from '../latin1.ts'
import { asciiJson } from './json-text.ts'

/** Shorter texts are copied here; longer ones by one call out of JavaScript, which costs 40 ns. */
const SHORT = 24
const QUOTE = 34
const BACKSLASH = 92

/**
 * One line of a log as bytes, put together piece by piece. As a string it would be a tree of some thirty parts, which costs
 * three times as much to make, to collect and to write out. One object serves all lines of a thread, one after the other; each is
 * written where it stays, behind the lines before it.
 */
export class LineBytes {
  // With its type: the declarations are read by compilers whose Buffer has no parameter, too.
  bytes: Buffer
  /** Where the line begins, and where it ends so far. */
  start = 0
  end = 0

  constructor(bytes: Buffer = Buffer.allocUnsafeSlow(0)) {
    this.bytes = bytes
  }

  /** Begins a line at `start` of `bytes`; one that has no room there moves to bytes of its own. */
  begin(bytes: Buffer, start: number): this {
    this.bytes = bytes
    this.start = this.end = start
    return this
  }

  /** ASCII, as it is. */
  text(text: string): this {
    const size = text.length
    const at = this.#room(size)
    const { bytes } = this
    if (size > SHORT) writeLatin1(bytes, text, at)
    else for (let i = 0; i < size; i++) bytes[at + i] = text.charCodeAt(i)
    this.end = at + size
    return this
  }

  /** As a JSON string, in ASCII. */
  json(text: string): this {
    const size = text.length
    const at = this.#room(size + 2)
    const { bytes } = this
    bytes[at] = QUOTE
    for (let i = 0; i < size; i++) {
      const c = text.charCodeAt(i)
      if (c < 32 || c > 126 || c === QUOTE || c === BACKSLASH)
        return this.text(asciiJson(JSON.stringify(text)))
      bytes[at + 1 + i] = c
    }
    bytes[at + 1 + size] = QUOTE
    this.end = at + 2 + size
    return this
  }

  /** A count: whole and not negative, or as JavaScript writes it. */
  count(value: number): this {
    if (!(value >= 0 && value < 1e9) || !Number.isInteger(value)) return this.text(String(value))
    let size = 1
    for (let power = 10; power <= value; power *= 10) size++
    const at = this.#room(size)
    const { bytes } = this
    let rest = value | 0
    for (let i = size - 1; i >= 0; i--) {
      const next = (rest / 10) | 0
      bytes[at + i] = 48 + rest - 10 * next
      rest = next
    }
    this.end = at + size
    return this
  }

  /** `Math.round(value * 100) / 100` as JavaScript writes it. */
  hundredths(value: number): this {
    const all = Math.round(value * 100)
    if (!(all >= 0 && all < 1e9)) return this.text(String(all / 100))
    const whole = (all / 100) | 0
    const fraction = all - 100 * whole
    this.count(whole)
    if (fraction === 0) return this
    const at = this.#room(3)
    const tenths = (fraction / 10) | 0
    const last = fraction - 10 * tenths
    this.bytes[at] = 46
    this.bytes[at + 1] = 48 + tenths
    this.bytes[at + 2] = 48 + last
    this.end = at + (last === 0 ? 2 : 3)
    return this
  }

  /** Where to write `size` bytes more. */
  #room(size: number): number {
    if (this.end + size > this.bytes.length) this.#move(size)
    return this.end
  }

  #move(size: number): void {
    const { bytes, start, end } = this
    this.bytes = Buffer.allocUnsafeSlow(2 * (end - start + size))
    bytes.copy(this.bytes, 0, start, end)
    this.start = 0
    this.end = end - start
  }
}

/** Of this thread. */
export const lineBytes = new LineBytes()
