/** Thrown when the text needs the library. One object for all, since it is not an error to trace. */
export const UNSURE = new Error('for the library to read')

/** Characters that begin what is not a plain one-line scalar. */
const INDICATORS = new Set('-?:,[]{}#&*!|>\'"%@`')

const SPACE = 32
const NEWLINE = 10
const HASH = 35
const COLON = 58

/** Scans the words of YAML and their lines, for QuickReader. */
export class QuickScanner {
  /** Column of the current line's first word; set by nextLine and when a nested block begins. */
  indent = 0
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  unsure(): never {
    throw UNSURE
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length
  }

  peek(): string {
    return this.#text[this.#at] ?? ''
  }

  skip(count: number): void {
    this.#at += count
  }

  take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  /** Skips spaces; returns the column reached. */
  skipSpaces(): number {
    while (this.#text.charCodeAt(this.#at) === SPACE) this.#at++
    return this.#at - (this.#text.lastIndexOf('\n', this.#at - 1) + 1)
  }

  /** At the end of the line, or at a comment after a space. */
  atLineEnd(): boolean {
    if (this.atEnd) return true
    const code = this.#text.charCodeAt(this.#at)
    if (code === NEWLINE) return true
    return code === HASH && (this.#at === 0 || isSpace(this.#text.charCodeAt(this.#at - 1)))
  }

  /** Moves from the end of a line to the first word of the next non-empty line. */
  nextLine(): void {
    for (;;) {
      if (this.atLineEnd() && !this.atEnd) {
        const end = this.#text.indexOf('\n', this.#at)
        this.#at = end === -1 ? this.#text.length : end + 1
      }
      const start = this.#at
      while (this.#text.charCodeAt(this.#at) === SPACE) this.#at++
      if (this.atEnd || !this.atLineEnd()) {
        this.indent = this.#at - start
        // `---`, `...` and directives.
        if (this.indent === 0 && /[-.%]/.test(this.peek()) && !this.atDash()) this.unsure()
        return
      }
    }
  }

  /** Skips spaces, line breaks and comments in a flow collection; its lines must be indented further than its block. */
  skipFlowSpace(indent: number): void {
    for (;;) {
      this.#skipPlainSpaces()
      if (this.atEnd) this.unsure()
      if (!this.atLineEnd()) return
      this.nextLine()
      if (this.atEnd || this.indent <= indent) this.unsure()
    }
  }

  #skipPlainSpaces(): void {
    while (this.#text.charCodeAt(this.#at) === SPACE) this.#at++
  }

  /** At `- ` or at a dash that ends the line. */
  atDash(): boolean {
    if (this.#text[this.#at] !== '-') return false
    const next = this.#text.charCodeAt(this.#at + 1)
    return isSpace(next) || Number.isNaN(next)
  }

  /** Whether the rest of the line begins with `word:`, which makes it a mapping. */
  startsKey(): boolean {
    const character = this.peek()
    if (character === '{' || character === '[') return false
    const start = this.#at
    if (character === '"' || character === "'") this.quoted()
    else {
      const colon = this.#keyColon()
      this.#at = colon === -1 ? start : colon
    }
    const isKey =
      this.#at > start && this.#text.charCodeAt(this.#at) === COLON && this.#endsWord(this.#at + 1)
    this.#at = start
    return isKey
  }

  /** `key:` of a block mapping, up to behind the colon. */
  blockKey(): string {
    const character = this.peek()
    if (character === '"' || character === "'") {
      const key = this.quoted()
      if (!this.take(':') || !this.#endsWord(this.#at)) this.unsure()
      return key
    }
    if (INDICATORS.has(character)) this.unsure()
    const colon = this.#keyColon()
    if (colon === -1) this.unsure()
    const key = this.#text.slice(this.#at, colon)
    // Comments and further words after a key are left to the library.
    if (key.length > 256 || /\s|#/.test(key)) this.unsure()
    this.#at = colon + 1
    return key
  }

  /** `key:` of a flow mapping. */
  flowKey(): string {
    const character = this.peek()
    if (character === '"' || character === "'") {
      const key = this.quoted()
      if (!this.take(':') || !this.#endsWord(this.#at)) this.unsure()
      return key
    }
    const key = this.plain(true)
    if (key.length > 256 || /\s/.test(key)) this.unsure()
    if (!this.take(':') || !this.#endsWord(this.#at)) this.unsure()
    return key
  }

  /** The colon that ends a plain key of this line, or -1. */
  #keyColon(): number {
    for (let at = this.#at; ; at++) {
      const code = this.#text.charCodeAt(at)
      if (Number.isNaN(code) || code === NEWLINE) return -1
      if (code === COLON && this.#endsWord(at + 1)) return at
      if (code === HASH && isSpace(this.#text.charCodeAt(at - 1))) return -1
    }
  }

  #endsWord(at: number): boolean {
    const code = this.#text.charCodeAt(at)
    return isSpace(code) || Number.isNaN(code)
  }

  /** A one-line scalar between quotes, with the escapes that JSON has too. */
  quoted(): string {
    const quote = this.#text[this.#at]!
    const start = this.#at + 1
    for (let at = start; ; at++) {
      const character = this.#text[at]
      if (character === undefined || character === '\n') this.unsure()
      if (quote === '"' && character === '\\') at++
      else if (character === quote) {
        if (quote === "'" && this.#text[at + 1] === "'") at++
        else {
          this.#at = at + 1
          const inner = this.#text.slice(start, at)
          return quote === "'" ? inner.replaceAll("''", "'") : this.#unescaped(inner)
        }
      }
    }
  }

  #unescaped(inner: string): string {
    if (!inner.includes('\\')) return inner
    if (!/^(?:[^\\\t]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*$/.test(inner)) this.unsure()
    return JSON.parse(`"${inner}"`) as string
  }

  /** A plain scalar up to its end on this line; in a flow collection it also ends at brackets and commas. */
  plain(inFlow: boolean): string {
    const start = this.#at
    const first = this.peek()
    if (INDICATORS.has(first)) {
      // `:8080`, `-1` and `?x` are plain, `: x` and `- x` are not.
      const second = this.#text[start + 1] ?? ' '
      if (!/[-?:]/.test(first) || /[\s,[\]{}]/.test(second)) this.unsure()
    }
    let at = start
    for (; at < this.#text.length; at++) {
      const code = this.#text.charCodeAt(at)
      if (code === NEWLINE) break
      if (code === HASH && isSpace(this.#text.charCodeAt(at - 1))) break
      if (inFlow && (code === 44 || code === 91 || code === 93 || code === 123 || code === 125)) break
      if (code !== COLON) continue
      const next = this.#text[at + 1] ?? '\n'
      if (next === ' ' || next === '\n') {
        // In a block this would be a mapping inside of a value.
        if (!inFlow) this.unsure()
        break
      }
      if (inFlow && /[,[\]{}]/.test(next)) this.unsure()
    }
    this.#at = at
    const word = this.#text.slice(start, at)
    return word.endsWith(' ') ? word.replace(/ +$/, '') : word
  }

  /** The value of a plain scalar in YAML's core schema. */
  resolve(word: string): string | number | boolean | null {
    const code = word.charCodeAt(0)
    const isWord = code > 57 && code !== 126
    if (isWord) {
      if (word.length > 5) return word
      if (word === 'true') return true
      if (word === 'false') return false
      return /^(?:null|true|false)$/i.test(word) ? this.unsure() : word
    }
    if (/^[1-9]\d{0,14}$|^0$/.test(word)) return Number(word)
    if (/^[1-9]?\d\.\d{1,9}$/.test(word)) return Number(word)
    // Every other form that may be a number or null.
    return /^(?:~|[-+]?\.?\d[\d_]*(?:\.\d*)?(?:e[-+]?\d+)?|0[ox]\S*|[-+]?\.(?:inf|nan))$/i.test(word) ||
      word === ''
      ? this.unsure()
      : word
  }
}

function isSpace(code: number): boolean {
  return code === SPACE || code === NEWLINE
}
