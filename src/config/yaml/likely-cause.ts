import { oddLetters } from './odd-letters.ts'
import type { SyntaxProblem } from './syntax-problem.ts'
import { unclosed } from './unclosed.ts'

/** Lines to check before the one where the parser failed. */
const LINES_BEFORE = 200

/**
 * The most likely mistake where the parser reports something else: it reports where it got lost, often a line later and
 * in words of its grammar. Undefined when the parser's own words are the best.
 */
export function likelyCause(text: string, offset: number): SyntaxProblem | undefined {
  const end = lineEnd(text, offset)
  let start = end
  for (let lines = 0; lines < LINES_BEFORE && start > 0; lines++)
    start = text.lastIndexOf('\n', start - 2) + 1
  const part = text.slice(start, end)
  const cause =
    anotherLanguage(text) ??
    oddSpace(part) ??
    absolute(oddLetters(text, offset)) ??
    bareVariable(part, offset - start) ??
    slip(part, offset - start) ??
    absolute(unclosed(text, offset)) ??
    inline(part, offset - start) ??
    // The parser may stop at the end of the line before.
    lostDash(text.slice(start, lineEnd(text, Math.min(end + 1, text.length)))) ??
    tooShallow(text, offset) ??
    badIndentation(part) ??
    tooDeep(text, offset)
  return cause && { offset: cause.offset + (cause.absolute === true ? 0 : start), message: cause.message }
}

interface Cause extends SyntaxProblem {
  readonly absolute?: true
}

function absolute(problem: SyntaxProblem | undefined): Cause | undefined {
  return problem && { ...problem, absolute: true }
}

function lineEnd(text: string, offset: number): number {
  const end = text.indexOf('\n', offset)
  return end === -1 ? text.length : end
}

/** A block of nginx or Caddy, or sections of HAProxy, whatever the YAML parser makes of it. */
export function anotherLanguage(text: string): Cause | undefined {
  const nginx = /^[ \t]*(?:server|http|upstream|events|location\s\S+|stream)\s*(?:\w+\s*)?\{\s*$/m.exec(text)
  const haproxy = /^(?:frontend|backend|listen|global|defaults)(?:[ \t]+[\w.-]+)?[ \t]*\n[ \t]+\w+/m.exec(
    text
  )
  // As YAML, its lines are one plain value.
  const folded =
    /^(?:frontend|backend|listen|global|defaults) .*\b(?:bind|server|default_backend|daemon|timeout)\b/
  const caddy = /^[\w.*:-]+(?:,\s*[\w.*:-]+)*\s*\{\s*\n\s*\w/m.exec(text)
  const toml = /^\[{1,2}[\w."-]+\]{1,2}\s*\n\s*[\w-]+\s*=/m.exec(text)
  const found = nginx ?? haproxy ?? folded.exec(text) ?? caddy ?? toml
  if (found === null) return undefined
  if (found === toml)
    return {
      offset: found.index,
      message: 'this looks like TOML; lb reads YAML, and docs/config.md begins with an example',
      absolute: true
    }
  const whose = found === nginx ? "nginx's" : found === caddy ? "Caddy's" : "HAProxy's"
  const message = `this looks like a file of ${whose}; lb reads YAML, and docs/config.md begins with an example`
  return { offset: found.index + found[0].search(/\S/), message, absolute: true }
}

/** Spaces that YAML does not accept as such, from text copied from web pages. */
function oddSpace(text: string): Cause | undefined {
  const found = /^[ ]*([\u00a0\u2000-\u200b\u202f\u3000\ufeff])/m.exec(text)
  if (found === null) return undefined
  const code = found[1]!.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')
  const message = `the line is indented with U+${code}, which looks like a space; write spaces`
  return { offset: found.index + found[0].length - 1, message }
}

/** `{ bind: ${X} }`: braces inside of braces. */
function bareVariable(text: string, near: number): Cause | undefined {
  const line = text.lastIndexOf('\n', near - 1) + 1
  for (const from of [line, text.lastIndexOf('\n', line - 2) + 1]) {
    const part = text.slice(from, lineEnd(text, from))
    const match = /[{[,:]\s*(\$\{[^}"']*\}?)/.exec(part)
    if (match === null || !/[{[]/.test(part.slice(0, match.index + 1))) continue
    const offset = from + match.index + match[0].length - match[1]!.length
    return { offset, message: `between braces and brackets a variable needs quotes: write "${match[1]!}"` }
  }
  return undefined
}

/** A dash without its space, or the semicolon of another language, on this line or the one before. */
function slip(text: string, near: number): Cause | undefined {
  const line = text.lastIndexOf('\n', near - 1) + 1
  for (const from of [line, text.lastIndexOf('\n', line - 2) + 1]) {
    const part = text.slice(from, lineEnd(text, from))
    const dash = /^\s*-(?=[A-Za-z]\w*:)/.exec(part)
    if (dash !== null)
      return { offset: from + dash[0].length - 1, message: 'a dash needs a space behind it: "- "' }
    const semicolon = /["'\]}\w];\s*$/.exec(part)
    if (semicolon !== null)
      return { offset: from + semicolon.index + 1, message: 'YAML lines do not end in ";"; take it out' }
    const colon = /^\s*(?:- )?\w+:(?=["'{[:/]|\w)/.exec(part)
    if (colon !== null && !/^\s*(?:- )?\w+:\/\//.test(part))
      return { offset: from + colon[0].length - 1, message: 'a colon needs a space behind it: "key: value"' }
  }
  return undefined
}

/** A list between round brackets, and two values in one line. */
function inline(text: string, near: number): Cause | undefined {
  const line = text.lastIndexOf('\n', near - 1) + 1
  const part = text.slice(line, lineEnd(text, line))
  const nested = /^\s*(?:- )*([\w.-]+):\s+(?!["'{[|>&*!])[^#]*?:(?=\s|$)/.exec(part)
  if (nested === null) return undefined
  const value = line + part.indexOf(':') + 1
  const offset = value + text.slice(value).search(/\S/)
  return {
    offset,
    message: 'a text with ": " in it needs quotes; a mapping begins in the next line, further in'
  }
}

/** The first key of an item without the dash, and the others two columns further in, below it. */
function lostDash(text: string): Cause | undefined {
  const found =
    /^ *(?:- )?(?:listeners|routes|backends|certificates|sni|split|tests|auth|rateLimit):[ \t]*(?:#.*)?\n(?:[ \t]*(?:#.*)?\n)*( +)(?=[\w.-]+:[ \t]+[^\s#|>].*\n(?:[ \t]*(?:#.*)?\n)*\1 {2}[\w.-]+:)/m.exec(
      text
    )
  if (found === null) return undefined
  return {
    offset: found.index + found[0].length,
    message: 'an item of a list begins with "- ": write it before this, or put all keys of it in one column'
  }
}

/** The first line of a mapping, which begins further left than all that follow: `- name: a` two columns too far left. */
function tooShallow(text: string, offset: number): Cause | undefined {
  const here = text.lastIndexOf('\n', offset - 1) + 1
  for (const start of [here, text.lastIndexOf('\n', here - 2) + 1]) {
    const [first, ...below] = text
      .slice(start, start + 4000)
      .split('\n')
      .filter((line) => !/^\s*(?:#|$)/.test(line))
    const left = first === undefined ? -1 : first.search(/[^\s-]/)
    if (left === -1 || !/^[ -]*[\w.-]+:\s+(?:[^\s|>[{&#]|[[{].*[\]}]\s*(?:#.*)?$)/.test(first!)) continue
    const column = below[0]?.search(/\S/) ?? -1
    const end = below.findIndex((line) => line.search(/\S/) < column)
    const block = end === -1 ? below : below.slice(0, end)
    const keys = block.filter((line) => line.search(/\S/) === column && /^\s*[\w.-]+:(?:\s|$)/.test(line))
    if (column <= left || keys.length < 2 || !isFirst(text, start, first!)) continue
    const message = `this key begins further left than the ${keys.length} below it in the same mapping; ${columns([{ column, list: false }])}`
    return { offset: start + left, message, absolute: true }
  }
  return undefined
}

/** Whether a line begins a mapping: behind a dash, or below a key without a value. */
function isFirst(text: string, start: number, line: string): boolean {
  if (/^\s*- /.test(line)) return true
  const above = text
    .slice(Math.max(0, start - 4000), start)
    .split('\n')
    .findLast((each) => !/^\s*(?:#|$)/.test(each))
  return above !== undefined && /:\s*(?:#.*)?$/.test(above) && above.search(/\S/) < line.search(/\S/)
}

/** A line that is indented further than its neighbour, which the parser read as a part of that one's value. */
function tooDeep(text: string, offset: number): Cause | undefined {
  const start = text.lastIndexOf('\n', offset - 1) + 1
  const above = text.slice(start, lineEnd(text, offset))
  const next = lineEnd(text, offset) + 1
  const below = text.slice(next, lineEnd(text, next))
  const key = /^( *)(?:- )*[\w.-]+:\s+[^\s|>[{&#]/.exec(above)
  const column = below.search(/\S/)
  if (key === null || column === -1 || !/^\s*[\w.-]+:(?:\s|$)/.test(below)) return undefined
  const right = above.search(/[^\s-]/)
  if (column <= right) return undefined
  const message = `this line is indented further than the one above, which has its value already; ${columns([{ column: right, list: false }])}`
  return { offset: next + column, message, absolute: true }
}

interface Level {
  readonly column: number
  readonly list: boolean
}

/** The first line with an impossible indentation. Lines inside of brackets and block scalars are skipped. */
function badIndentation(text: string): Cause | undefined {
  const levels: Level[] = []
  let opens = true
  let brackets = 0
  let scalarColumn = -1
  let offset = 0
  for (const line of text.split('\n')) {
    const at = offset
    offset += line.length + 1
    const column = line.search(/\S/)
    if (column === -1 || line[column] === '#') continue
    if (scalarColumn !== -1 && column > scalarColumn) continue
    scalarColumn = -1
    const outside = brackets === 0
    const bare = line.replace(/"(?:[^"\\]|\\.)*"|'[^']*'|(?:^|\s)#.*$/g, (match) => '_'.repeat(match.length))
    brackets = Math.max(0, brackets + count(bare, /[{[]/g) - count(bare, /[}\]]/g))
    if (!outside) continue
    if (/[|>][+-]?\d?\s*$/.test(bare)) scalarColumn = column
    const list = /^-(?:\s|$)/.test(line.slice(column))
    const wrong = place(levels, { column, list }, opens)
    if (wrong !== undefined) return { offset: at + column, message: wrong }
    // `- key:` begins a list and, further in, a mapping.
    let inner = column
    for (let rest = /^-\s+/.exec(line.slice(inner)); rest !== null; rest = /^-\s+/.exec(line.slice(inner))) {
      inner += rest[0].length
      if (inner < line.length)
        levels.push({ column: inner, list: line[inner] === '-' && line[inner + 1] === ' ' })
    }
    const end = bare.trimEnd()
    opens = end.endsWith(':') || end.endsWith('-') || scalarColumn !== -1
  }
  return undefined
}

/** Puts a line among the open levels; returns why it fits nowhere. */
function place(levels: Level[], line: Level, opens: boolean): string | undefined {
  let closed: Level | undefined
  while (levels.length > 0 && levels.at(-1)!.column > line.column) closed = levels.pop()
  const top = levels.at(-1)
  if (top === undefined || line.column > top.column) {
    if (closed !== undefined && levels.length === 0)
      return `this line begins further left than the first one of the file; ${columns([closed])}`
    if (closed !== undefined) {
      return `no line above begins in this column; ${columns(top === undefined ? [closed] : [top, closed])}`
    }
    if (top !== undefined && !opens) {
      return `this line is indented further than the one above, which has its value already; ${columns([top])}`
    }
    levels.push(line)
    return undefined
  }
  if (top.list === line.list) return undefined
  // A list may be in the column of its key: then the mapping of the key is the level below.
  if (line.list && opens) {
    levels.push(line)
    return undefined
  }
  if (!line.list && levels.at(-2)?.column === top.column) {
    levels.pop()
    return undefined
  }
  if (line.list) return 'a "- " begins an item of a list, and there is none in this column'
  return `this line is beside the items of a list: begin it with "- ", or indent it to column ${top.column + 3} to make it part of the item above`
}

function columns(levels: readonly Level[]): string {
  return `it should begin in column ${levels.map(({ column }) => column + 1).join(' or ')}`
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0
}
