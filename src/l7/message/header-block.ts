import { isBlank } from '../../core/latin1.ts'
import type { FieldCheck } from './checked-line.ts'

/** Field names as a set that a block is asked about, and cleared of. */
interface NameSet {
  /** `nameBit` of each. */
  readonly bits: number
  /** In lower case. */
  readonly all: readonly string[]
  without(lines: string, disguised: boolean): string
}

/** Not computed yet; as a set of bits: any name may be there. */
const UNKNOWN = -1

/**
 * The fields of a message as received: "Name: value\r\n" for each, latin1, order, case and duplicates kept. One
 * string for all of them: most exchanges pass it on whole and read two or three fields of it. Every line was
 * checked by the parser (token, colon, no control characters), so nothing here checks again.
 *
 * Lines that are appended are kept apart until the text is asked for: to search what was put together by `+` copies all
 * of it first. And it is known which names cannot be there (`nameBit`), so that most searches are not made.
 */
export class HeaderBlock {
  #check: FieldCheck | undefined = undefined
  #first: string
  #firstBits: number
  #appended = ''
  #appendedBits = 0

  /** `bits`: of the names, where somebody has read them already. */
  constructor(text: string, bits: number = UNKNOWN) {
    this.#first = text
    this.#firstBits = bits
  }

  get text(): string {
    return this.#appended === '' ? this.#first : this.#first + this.#appended
  }

  set text(text: string) {
    this.#first = text
    this.#firstBits = UNKNOWN
    this.#appended = ''
    this.#appendedBits = 0
  }

  /** Value of the first field called `name` (lower case), without surrounding white space. */
  first(name: string): string | undefined {
    const bit = bitOf(name)
    return (
      ((this.#firstBits & bit) === 0 ? undefined : firstIn(this.#first, name)) ??
      ((this.#appendedBits & bit) === 0 ? undefined : firstIn(this.#appended, name))
    )
  }

  /** As `get`: what the router calls it. */
  getJoined(name: string): string | undefined {
    return this.get(name)
  }

  /** All values of `name`, joined by ", " (RFC 9110 §5.3), or those of Cookie by "; " (RFC 9113 §8.2.3). */
  get(name: string): string | undefined {
    const bit = bitOf(name)
    const values = (this.#firstBits & bit) === 0 ? undefined : joinedIn(this.#first, name)
    if ((this.#appendedBits & bit) === 0) return values
    const more = joinedIn(this.#appended, name)
    if (values === undefined || more === undefined) return values ?? more
    return values + between(name) + more
  }

  has(name: string): boolean {
    const bit = bitOf(name)
    if ((this.#firstBits & bit) !== 0 && findField(this.#first, name, 0) !== -1) return true
    return (this.#appendedBits & bit) !== 0 && findField(this.#appended, name, 0) !== -1
  }

  hasAny(names: NameSet): boolean {
    if (((this.#knownBits() | this.#appendedBits) & names.bits) === 0) return false
    for (let i = 0; i < names.all.length; i++) if (this.has(names.all[i]!)) return true
    return false
  }

  #knownBits(): number {
    if (this.#firstBits === UNKNOWN) this.#firstBits = nameBits(this.#first)
    return this.#firstBits
  }

  /** Number of field lines. */
  get size(): number {
    let size = 0
    const { text } = this
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) size++
    return size
  }

  /** Every field in order, names as received. */
  forEach(each: (name: string, value: string) => void): void {
    const text = this.text
    for (let at = 0; at < text.length;) {
      const colon = text.indexOf(':', at)
      each(text.slice(at, colon), valueAt(text, colon + 1))
      at = text.indexOf('\n', colon) + 1
    }
  }

  /** Removes the first field called `name` (lower case) and returns its value, or undefined. */
  take(name: string): string | undefined {
    if (this.#appended !== '') this.#join()
    const text = this.#first
    const at = (this.#firstBits & bitOf(name)) === 0 ? -1 : findField(text, name, 0)
    if (at === -1) return undefined
    const value = valueAt(text, at + name.length + 1)
    const after = text.slice(text.indexOf('\n', at) + 1)
    this.#first = at === 0 ? after : text.slice(0, at) + after
    return value
  }

  /** Removes every field called `name` (lower case). */
  remove(name: string): void {
    const bit = bitOf(name)
    if ((this.#firstBits & bit) !== 0) this.#first = withoutField(this.#first, name)
    if ((this.#appendedBits & bit) !== 0) this.#appended = withoutField(this.#appended, name)
  }

  /** Removes every field of `names`; `disguised`: also those that CGI servers read as one of them. */
  drop(names: NameSet, disguised = false): void {
    if ((this.#knownBits() & names.bits) !== 0) this.#first = names.without(this.#first, disguised)
    if ((this.#appendedBits & names.bits) !== 0) this.#appended = names.without(this.#appended, disguised)
  }

  /** `name` as it is to be written; `value` must hold no control characters. */
  append(name: string, value: string): void {
    if (this.#check !== undefined) this.#check.field(name, value)
    this.#appended += `${name}: ${value}\r\n`
    this.#appendedBits |= bitOf(name)
  }

  /** Appends lines, each with its end; `bits` of their names where these are known beforehand. */
  appendLines(lines: string, bits = nameBits(lines)): void {
    if (this.#check !== undefined) this.#check.lines(lines)
    this.#appended += lines
    this.#appendedBits |= bits
  }

  set(name: string, value: string): void {
    this.remove(name.toLowerCase())
    this.append(name, value)
  }

  /** Runs `act`, code of the user's; `check` throws at what it appends where that is no field. */
  whileChecked(check: FieldCheck, act: () => void): void {
    this.#check = check
    try {
      act()
    } finally {
      this.#check = undefined
    }
  }

  #join(): void {
    const bits = this.#firstBits | this.#appendedBits
    this.text = this.#first + this.#appended
    this.#firstBits = bits
  }
}

/**
 * A name as one of 32 bits, by its first letter in whatever case and its length: where the bit is not set among those of a
 * block, the name is not there.
 */
export function nameBit(firstLetter: number, length: number): number {
  return 1 << ((firstLetter + 5 * length) & 31)
}

function bitOf(name: string): number {
  return nameBit(name.charCodeAt(0), name.length)
}

/** The bits of the names in "Name: value\r\n" lines. */
export function nameBits(lines: string): number {
  let bits = 0
  for (let at = 0; at < lines.length;) {
    bits |= nameBit(lines.charCodeAt(at), lines.indexOf(':', at) - at)
    at = lines.indexOf('\n', at) + 1
    if (at === 0) break
  }
  return bits
}

function firstIn(text: string, name: string): string | undefined {
  const at = findField(text, name, 0)
  return at === -1 ? undefined : valueAt(text, at + name.length + 1)
}

function joinedIn(text: string, name: string): string | undefined {
  let at = findField(text, name, 0)
  if (at === -1) return undefined
  let joined = valueAt(text, at + name.length + 1)
  for (at = nextField(text, at, name); at !== -1; at = nextField(text, at, name)) {
    joined += between(name) + valueAt(text, at + name.length + 1)
  }
  return joined
}

function between(name: string): string {
  return name === 'cookie' ? '; ' : ', '
}

function withoutField(text: string, name: string): string {
  let rest = text
  for (let at = findField(rest, name, 0); at !== -1; at = findField(rest, name, at)) {
    rest = rest.slice(0, at) + rest.slice(rest.indexOf('\n', at) + 1)
  }
  return rest
}

function nextField(text: string, at: number, name: string): number {
  return findField(text, name, text.indexOf('\n', at) + 1)
}

/** Offset of the line whose name is `name` (lower case), from the line that begins at `at`; -1 for none. */
function findField(text: string, name: string, at: number): number {
  const length = name.length
  const first = name.charCodeAt(0) | 32
  while (at < text.length) {
    if (
      (text.charCodeAt(at) | 32) === first &&
      text.charCodeAt(at + length) === 58 &&
      equalsIgnoreCase(text, at, name)
    ) {
      return at
    }
    at = text.indexOf('\n', at) + 1
    if (at === 0) return -1
  }
  return -1
}

function equalsIgnoreCase(text: string, at: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const c = text.charCodeAt(at + i)
    const lower = c >= 65 && c <= 90 ? c | 32 : c
    if (lower !== name.charCodeAt(i)) return false
  }
  return true
}

/** The value that begins at `from`, after the colon, trimmed of spaces and tabs. */
function valueAt(text: string, from: number): string {
  let end = text.indexOf('\r', from)
  if (end === -1) end = text.length
  let start = from
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}
