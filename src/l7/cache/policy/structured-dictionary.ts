/** A bare item of a dictionary member: integers and decimals as numbers; strings and tokens are distinguished. */
export type BareItem =
  number | boolean | { readonly kind: 'string' | 'token' | 'bytes'; readonly text: string }

const maxMembers = 64
const key = /[a-z*][a-z0-9_\-.*]*/y
const numberItem = /-?\d{1,15}(?:\.\d{1,3})?/y
const stringItem = /"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"/y
const tokenItem = /[a-zA-Z*][a-zA-Z0-9!#$%&'*+\-.^_`|~:/]*/y
const bytesItem = /:([A-Za-z0-9+/=]*):/y
const booleanItem = /\?([01])/y
const innerList = /\([^()]*\)/y
const separator = /[ \t]*,[ \t]*/y

/**
 * RFC 9651 §4.2.2: parses a dictionary strictly. Undefined when it does not parse: the whole field is ignored then.
 * Parameters are skipped and inner lists read as true, since cache directives use neither.
 */
export function parseDictionary(field: string): Map<string, BareItem> | undefined {
  const text = field.trim()
  const members = new Map<string, BareItem>()
  let at = 0

  function take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (match === null) return undefined
    at += match[0].length
    return match
  }

  function item(): BareItem | undefined {
    const number = take(numberItem)
    if (number !== undefined) return Number(number[0])
    const string = take(stringItem)
    if (string !== undefined) return { kind: 'string', text: string[1]!.replace(/\\(.)/g, '$1') }
    const token = take(tokenItem)
    if (token !== undefined) return { kind: 'token', text: token[0] }
    const bytes = take(bytesItem)
    if (bytes !== undefined) return { kind: 'bytes', text: bytes[1]! }
    const boolean = take(booleanItem)
    if (boolean !== undefined) return boolean[1] === '1'
    return take(innerList) === undefined ? undefined : true
  }

  while (at < text.length) {
    const name = take(key)?.[0]
    if (name === undefined || members.size >= maxMembers) return undefined
    let value: BareItem | undefined = true
    if (text[at] === '=') {
      at++
      value = item()
      if (value === undefined) return undefined
    }
    while (text[at] === ';') {
      at++
      while (text[at] === ' ') at++
      if (take(key) === undefined) return undefined
      if (text[at] !== '=') continue
      at++
      if (item() === undefined) return undefined
    }
    // Of duplicates the last one counts here, unlike in Cache-Control.
    members.set(name, value)
    if (at === text.length) break
    if (take(separator) === undefined || at === text.length) return undefined
  }
  return members
}
