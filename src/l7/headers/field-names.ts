import { nameBit } from '../message/header-block.ts'

const LF = '\n'
const COLON = 58

/** A set of field names that takes its fields out of a block in one walk over the lines. */
export class FieldNames {
  /** Names by the last five bits of their first character, which for letters do not tell case. */
  readonly #byFirst: (readonly string[] | undefined)[] = Array.from({ length: 32 }, () => undefined)
  readonly bits: number

  readonly all: readonly string[]

  /** In lower case. */
  constructor(names: readonly string[]) {
    this.all = names
    this.bits = names.reduce((bits, name) => bits | nameBit(name.charCodeAt(0), name.length), 0)
    for (const name of names) {
      const first = name.charCodeAt(0) & 31
      this.#byFirst[first] = [...(this.#byFirst[first] ?? []), name]
    }
  }

  /**
   * The lines of `text` without those of these names. `disguised`: nor those that CGI servers read as one of them
   * (`variableName`): `X_Remote_User` as `X-Remote-User`.
   */
  without(text: string, disguised: boolean): string {
    let kept = ''
    let from = 0
    for (let at = 0; at < text.length;) {
      const end = text.indexOf(LF, at)
      const next = end === -1 ? text.length : end + 1
      const names = this.#byFirst[text.charCodeAt(at) & 31]
      if (names !== undefined && someStandsAt(names, text, at, disguised)) {
        kept += text.slice(from, at)
        from = next
      }
      at = next
    }
    return from === 0 ? text : kept + text.slice(from)
  }
}

function someStandsAt(names: readonly string[], text: string, at: number, disguised: boolean): boolean {
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!
    if (text.charCodeAt(at + name.length) === COLON && standsAt(name, text, at, disguised)) return true
  }
  return false
}

function standsAt(name: string, text: string, at: number, disguised: boolean): boolean {
  for (let i = 0; i < name.length; i++) {
    const wanted = name.charCodeAt(i)
    const c = text.charCodeAt(at + i)
    const lower = c >= 65 && c <= 90 ? c | 32 : c
    if (lower === wanted) continue
    if (!disguised || isAlphanumeric(wanted) || isAlphanumeric(lower)) return false
  }
  return true
}

/**
 * The name that CGI, WSGI and PHP read a field by, with hyphens: they make a variable of it in which every mark is an
 * underscore, so that `X_Real!IP` is X-Real-IP to them. `name` in lower case.
 */
export function variableName(name: string): string {
  return name.replace(/[^a-z0-9]/g, '-')
}

/** Of lower-case letters and digits, by character code: every other character is a mark. */
export function isAlphanumeric(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 48 && code <= 57)
}
