import { isBlank } from '../../core/latin1.ts'

/**
 * The fields of a message as received: "Name: value\r\n" for each, latin1, order, case and duplicates kept. One
 * string for all of them: most exchanges pass it on whole and read two or three fields of it. Every line was
 * checked by the parser (token, colon, no control characters), so nothing here checks again.
 */
export class HeaderBlock {
  text: string
  /** Asked of what is appended while code of the user's has the block: it throws where that is no field. */
  check: ((name: string, value: string) => void) | undefined = undefined

  constructor(text: string) {
    this.text = text
  }

  /** Value of the first field called `name` (lower case), without surrounding white space. */
  first(name: string): string | undefined {
    const at = findField(this.text, name, 0)
    return at === -1 ? undefined : valueAt(this.text, at + name.length + 1)
  }

  /** As `get`: what the router calls it. */
  getJoined(name: string): string | undefined {
    return this.get(name)
  }

  /** All values of `name`, joined by ", " (RFC 9110 §5.3), or those of Cookie by "; " (RFC 9113 §8.2.3). */
  get(name: string): string | undefined {
    let at = findField(this.text, name, 0)
    if (at === -1) return undefined
    let joined = valueAt(this.text, at + name.length + 1)
    const between = name === 'cookie' ? '; ' : ', '
    for (at = nextField(this.text, at, name); at !== -1; at = nextField(this.text, at, name)) {
      joined += between + valueAt(this.text, at + name.length + 1)
    }
    return joined
  }

  has(name: string): boolean {
    return findField(this.text, name, 0) !== -1
  }

  /** Number of field lines. */
  get size(): number {
    let size = 0
    for (let at = this.text.indexOf('\n'); at !== -1; at = this.text.indexOf('\n', at + 1)) size++
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
    const at = findField(this.text, name, 0)
    if (at === -1) return undefined
    const value = valueAt(this.text, at + name.length + 1)
    const after = this.text.slice(this.text.indexOf('\n', at) + 1)
    this.text = at === 0 ? after : this.text.slice(0, at) + after
    return value
  }

  /** Removes every field called `name` (lower case). */
  remove(name: string): void {
    for (let at = findField(this.text, name, 0); at !== -1; at = findField(this.text, name, at)) {
      this.text = this.text.slice(0, at) + this.text.slice(this.text.indexOf('\n', at) + 1)
    }
  }

  /** `name` as it is to be written; `value` must hold no control characters. */
  append(name: string, value: string): void {
    this.check?.(name, value)
    this.text += `${name}: ${value}\r\n`
  }

  set(name: string, value: string): void {
    this.remove(name.toLowerCase())
    this.append(name, value)
  }
}

function nextField(text: string, at: number, name: string): number {
  return findField(text, name, text.indexOf('\n', at) + 1)
}

/** Offset of the line whose name is `name` (lower case), from the line that begins at `at`; -1 for none. */
function findField(text: string, name: string, at: number): number {
  const length = name.length
  const first = name.charCodeAt(0)
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
