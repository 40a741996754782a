import { randomBytes } from 'node:crypto'

/** In `form`: of a text with characters that are no bytes. */
const WIDE = 1 << 30

/** Of a text of this form, how many words it has. */
export function wordsOf(form: number): number {
  return (form & WIDE) === 0 ? (form + 3) >> 2 : ((form ^ WIDE) + 1) >> 1
}

/**
 * A text as 32-bit words, so that each character is looked at once: a value of a field is a slice of the head, where a look
 * takes longer than what is done with it. And a 64-bit hash of words with a secret of this thread. The position of a text in a
 * table by this hash says nothing about the text: keys with a common beginning are as far apart as any others, so the time of
 * a lookup shows no prefix.
 */
export class KeyedText {
  /** The halves of the last hash, signed. */
  low = 0
  high = 0
  /** Of the text that was read last: its length, and how the words are made. Texts are the same where this and their words are. */
  form = 0
  /** Four characters each, or two of wide ones; the last filled up with zeros. */
  readonly words: Int32Array
  readonly #low: number
  readonly #high: number

  /** `longest`: in UTF-16; longer texts must not be read. */
  constructor(longest: number, seed: Buffer = randomBytes(8)) {
    this.words = new Int32Array((longest + 1) >> 1)
    this.#low = seed.readInt32LE(0)
    this.#high = seed.readInt32LE(4)
  }

  /** Words and hash of a text. */
  read(text: string): void {
    const { length } = text
    const { words } = this
    const whole = length & ~3
    let all = 0
    for (let i = 0; i < whole; i += 4) {
      const a = text.charCodeAt(i)
      const b = text.charCodeAt(i + 1)
      const c = text.charCodeAt(i + 2)
      const d = text.charCodeAt(i + 3)
      all |= a | b | c | d
      words[i >> 2] = a | (b << 8) | (c << 16) | (d << 24)
    }
    let last = 0
    for (let i = whole; i < length; i++) {
      const c = text.charCodeAt(i)
      all |= c
      last |= c << (8 * (i - whole))
    }
    if (whole < length) words[whole >> 2] = last
    if (all > 0xff) this.#widen(text)
    this.form = all > 0xff ? length | WIDE : length
    this.hash(words, 0, this.form)
  }

  #widen(text: string): void {
    for (let i = 0; i < text.length; i += 2) {
      const second = i + 1 < text.length ? text.charCodeAt(i + 1) : 0
      this.words[i >> 1] = text.charCodeAt(i) | (second << 16)
    }
  }

  /** Of the words from `at` on, of a text of this form. */
  hash(words: Int32Array, at: number, form: number): void {
    const end = at + wordsOf(form)
    let low = this.#low ^ form
    let high = this.#high
    for (let i = at; i < end; i++) {
      const word = words[i]!
      low = Math.imul(low ^ word, 0x9e3779b1)
      high = Math.imul(high ^ word, 0x5f356495)
      low ^= high >>> 15
      high ^= low >>> 13
    }
    this.high = Math.imul(high ^ (high >>> 15), 0xc2b2ae35)
    this.low = Math.imul(low ^ (low >>> 16), 0x85ebca6b)
  }

  /** Whether `stored` has the words of this text from `at` on, in a time that does not show where they differ. */
  isAt(stored: Int32Array, at: number): boolean {
    const { words } = this
    const count = wordsOf(this.form)
    let difference = 0
    for (let i = 0; i < count; i++) difference |= stored[at + i]! ^ words[i]!
    return difference === 0
  }
}
