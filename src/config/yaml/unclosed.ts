import type { SyntaxProblem } from './syntax-problem.ts'
import { type Mark, marksOf, type Open } from './marks.ts'

/** A quote or a bracket that is not closed, closes nothing, or has something behind it; `near` is where a parser gave up. */
export function unclosed(text: string, near: number): SyntaxProblem | undefined {
  const open: number[] = []
  for (const mark of marksOf(text)) {
    if (mark.offset > near && mark.kind !== 'line') return undefined
    const message = faultOf(text, mark, near)
    if (message !== undefined) return message
    if (mark.kind === 'open') open.push(mark.offset)
    else if (mark.kind === 'close') open.pop()
  }
  // The file ends, or a list begins, where brackets were to be closed.
  const last = open.at(-1)
  return last === undefined ? undefined : { offset: last, message: `this "${text[last]}" is not closed` }
}

function faultOf(text: string, mark: Mark, near: number): SyntaxProblem | undefined {
  switch (mark.kind) {
    case 'quote':
      return mark.end === undefined
        ? {
            offset: mark.offset,
            message: `this ${text[mark.offset]} is not closed; close it in the same line`
          }
        : behindQuote(text, mark.offset, mark.end, mark.around)
    case 'close':
      return mark.open === undefined
        ? { offset: mark.offset, message: `this "${text[mark.offset]}" closes nothing; take it out` }
        : (mismatch(text, mark.offset, mark.open.offset) ??
            (mark.around !== undefined
              ? noComma(text, mark.offset + 1, mark.around)
              : behindBracket(text, mark.offset)))
    case 'line':
      // A key that stands no further in than the line with the bracket: a list or a mapping may go on over lines.
      return mark.open !== undefined &&
        mark.column <= mark.open.column &&
        mark.open.offset < near &&
        /^(?:- )?[A-Za-z]/.test(text.slice(mark.offset, mark.offset + 3))
        ? { offset: mark.open.offset, message: `this "${text[mark.open.offset]}" is not closed` }
        : undefined
    case 'open':
      return mark.amid
        ? {
            offset: mark.offset,
            message: `between brackets a text with "${text[mark.offset]}" in it needs quotes`
          }
        : undefined
  }
}

function behindQuote(
  text: string,
  from: number,
  end: number,
  around: Open | undefined
): SyntaxProblem | undefined {
  const rest = lineFrom(text, end)
  const gap = /^\s*/.exec(rest)![0].length
  const next = rest.slice(gap)
  if (next === '') return around && noComma(text, end, around)
  if (/^:(?:\s|$)/.test(next) || (gap > 0 && next.startsWith('#'))) return undefined
  const offset = end + gap
  if (/^\/[/*]/.test(next)) return { offset, message: 'a comment begins with "#"' }
  if (around !== undefined) {
    if (/^[,\]}:]/.test(next)) return undefined
    const opened = text.slice(from, end)
    return gap === 0 && opened.includes(',')
      ? {
          offset: from,
          message: `a quote is missing: this one is closed by the next, in column ${columnOf(text, end - 1)}`
        }
      : { offset, message: 'a comma is missing before this' }
  }
  if (/^,\s*(?:#.*)?$/.test(next)) return { offset, message: 'no "," ends a line in YAML; take it out' }
  if (/^;\s*$/.test(next)) return { offset, message: 'no ";" ends a line in YAML; take it out' }
  if (/^[}\]]/.test(next)) return undefined
  return { offset, message: 'text stands behind the closing quote; put all of it between quotes' }
}

/** Between brackets: what comes next, in this line or another, needs a comma before it. */
function noComma(text: string, end: number, around: Open): SyntaxProblem | undefined {
  const gap = /^\s*/.exec(text.slice(end))![0].length
  const line = text.lastIndexOf('\n', end + gap - 1) + 1
  // A key that stands no further in is no part of it: the bracket is not closed.
  if (line > end && end + gap - line <= around.column) return undefined
  return /^["'\w{[]/.test(text.slice(end + gap, end + gap + 1))
    ? { offset: end + gap, message: 'a comma is missing before this' }
    : undefined
}

function mismatch(text: string, offset: number, open: number): SyntaxProblem | undefined {
  const wanted = text[open] === '{' ? '}' : ']'
  if (text[offset] === wanted) return undefined
  return { offset, message: `"${text[open]}" is closed by "${text[offset]}"; write "${wanted}"` }
}

/** `{ … } x`. */
function behindBracket(text: string, offset: number): SyntaxProblem | undefined {
  const line = text.slice(text.lastIndexOf('\n', offset) + 1, offset + 1)
  if (count(line, /[{[]/g) !== count(line, /[}\]]/g)) return undefined
  const rest = lineFrom(text, offset + 1)
  const next = /^\s*([^\s,:#\]}].*)$/.exec(rest)
  if (next === null) return undefined
  const at = offset + 1 + rest.indexOf(next[1]!)
  return /^\/[/*]/.test(next[1]!)
    ? { offset: at, message: 'a comment begins with "#"' }
    : {
        offset: at,
        message: `nothing may stand behind the closing "${text[offset]}"; take it out, or begin a line with it`
      }
}

function lineFrom(text: string, from: number): string {
  const end = text.indexOf('\n', from)
  return text.slice(from, end === -1 ? text.length : end).replace(/\r$/, '')
}

function columnOf(text: string, offset: number): number {
  return offset - text.lastIndexOf('\n', offset - 1)
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0
}
