/** What of a regular expression matters for how long it can take. Sets of characters are bits: ASCII, and one for the rest. */
export type RegexNode =
  | { readonly kind: 'set'; readonly set: bigint }
  | { readonly kind: 'sequence'; readonly parts: readonly RegexNode[] }
  | { readonly kind: 'choice'; readonly parts: readonly RegexNode[] }
  | { readonly kind: 'repeat'; readonly part: RegexNode; readonly min: number; readonly max: number }

/** Bit of everything beyond ASCII. */
const OTHER = 128
const ANY = (1n << 129n) - 1n

/** Of an expression that `new RegExp` takes. Assertions match nothing; what they look at is taken as if it stood there. */
export function parseRegex(source: string): RegexNode {
  return new Parser(source).choice()
}

class Parser {
  readonly #source: string
  #at = 0

  constructor(source: string) {
    this.#source = source
  }

  choice(): RegexNode {
    const parts = [this.#sequence()]
    while (this.#source[this.#at] === '|') {
      this.#at++
      parts.push(this.#sequence())
    }
    return parts.length === 1 ? parts[0]! : { kind: 'choice', parts }
  }

  #sequence(): RegexNode {
    const parts: RegexNode[] = []
    while (this.#at < this.#source.length && !'|)'.includes(this.#source[this.#at]!)) {
      const atom = this.#atom()
      parts.push(this.#repeated(atom))
    }
    return { kind: 'sequence', parts }
  }

  #repeated(part: RegexNode): RegexNode {
    const match = /^(?:([*+?])|\{(\d+)(,(\d*))?\})\??/.exec(this.#source.slice(this.#at, this.#at + 24))
    if (match === null) return part
    this.#at += match[0].length
    const [, sign, from, comma, to] = match
    if (sign !== undefined) {
      return { kind: 'repeat', part, min: sign === '+' ? 1 : 0, max: sign === '?' ? 1 : Infinity }
    }
    const min = Number(from)
    return { kind: 'repeat', part, min, max: comma === undefined ? min : to === '' ? Infinity : Number(to) }
  }

  #atom(): RegexNode {
    const c = this.#source[this.#at]!
    if (c === '(') return this.#group()
    if (c === '^' || c === '$') {
      this.#at++
      return { kind: 'sequence', parts: [] }
    }
    const length = c === '[' ? this.#classLength() : c === '\\' ? this.#escapeLength() : 1
    const text = this.#source.slice(this.#at, this.#at + length)
    this.#at += length
    if (text === '\\b' || text === '\\B') return { kind: 'sequence', parts: [] }
    // What a group matched before: anything, or nothing.
    if (/^\\(?:[1-9]|k)/.test(text))
      return { kind: 'repeat', part: { kind: 'set', set: ANY }, min: 0, max: 1 }
    return { kind: 'set', set: setOf(text) }
  }

  #group(): RegexNode {
    const head = /^\((?:\?(?:[a-z-]*:|[=!]|<[=!]|<\w+>))?/.exec(this.#source.slice(this.#at, this.#at + 80))!
    this.#at += head[0].length
    const inner = this.choice()
    this.#at++
    return inner
  }

  #classLength(): number {
    let end = this.#at + 1
    while (end < this.#source.length && this.#source[end] !== ']') end += this.#source[end] === '\\' ? 2 : 1
    return end + 1 - this.#at
  }

  #escapeLength(): number {
    const match = /^\\(?:x[\da-f]{2}|u[\da-f]{4}|c[a-z]|k<\w+>|.)/is.exec(
      this.#source.slice(this.#at, this.#at + 70)
    )
    return match?.[0].length ?? 2
  }
}

const sets = new Map<string, bigint>()
const MAX_SETS = 1000

/** The characters that a class, an escape or a letter matches. */
function setOf(text: string): bigint {
  const known = sets.get(text)
  if (known !== undefined) return known
  let set = 0n
  try {
    const one = new RegExp(`^(?:${/^[*+?{}\]/-]$/.test(text) ? `\\${text}` : text})$`)
    for (let c = 0; c < OTHER; c++) if (one.test(String.fromCharCode(c))) set |= 1n << BigInt(c)
    if (one.test('\u4e2d') || one.test('\u00e4')) set |= 1n << BigInt(OTHER)
  } catch {
    set = ANY
  }
  if (sets.size < MAX_SETS) sets.set(text, set)
  return set
}
