import type { Problem } from './problem.ts'

const MAX_PRINTED = 50
const MAX_COLUMNS = 160
/** Columns to keep before the caret when a long line is cut on its left. */
const CONTEXT = 60

/**
 * Formats problems as compilers do: `lb.yaml:12:5: error: …`, the source line, a caret. At most `max` are printed,
 * lines are clipped to 160 columns, and control characters are escaped, since the file may contain anything.
 */
export function formatProblems(
  problems: readonly Problem[],
  { max = MAX_PRINTED, color = false } = {}
): string {
  const printed = problems.slice(0, max).map((problem) => formatProblem(problem, color))
  const rest = problems.length - printed.length
  if (rest > 0) printed.push(`… and ${rest} more`)
  return printed.join('\n')
}

function formatProblem(problem: Problem, color: boolean): string {
  const { severity } = problem
  const paint = (text: string, code: string) => (color ? `\x1b[${code}m${text}\x1b[0m` : text)
  const place = escape(where(problem), 1000)
  const message = escape(problem.message, 1000)
  const head = `${paint(place, '1')}: ${paint(severity, severity === 'error' ? '1;31' : '1;33')}: ${message}`
  if (problem.source === undefined || problem.line === undefined || problem.column === undefined) return head
  const number = String(problem.line).padStart(5)
  const { text, caret } = excerpt(problem.source, problem.column, problem.length ?? 1)
  return `${head}\n${number} | ${text}\n${' '.repeat(number.length)} | ${paint(caret, '32')}`
}

function where(problem: Problem): string {
  const file = problem.file ?? 'config'
  if (problem.line !== undefined) return `${file}:${problem.line}:${problem.column ?? 1}`
  return problem.path === '' ? file : `${file}: ${problem.path}`
}

function excerpt(source: string, column: number, length: number): { text: string; caret: string } {
  const width = MAX_COLUMNS - 10
  const cut = source.length > width && column > width - 20 ? column - 1 - CONTEXT : 0
  const before = escape(source.slice(cut, column - 1), Infinity)
  const after = escape(source.slice(column - 1, cut + width), Infinity)
  const marked = escape(source.slice(column - 1, Math.min(column - 1 + length, cut + width)), Infinity)
  const prefix = cut > 0 ? '…' : ''
  const suffix = cut + width < source.length ? '…' : ''
  const text = (prefix + before + after).slice(0, width) + suffix
  const indent = prefix.length + before.length
  const tail = Math.max(0, Math.min(marked.length, width - indent) - 1)
  return { text, caret: `${' '.repeat(Math.min(indent, width))}^${'~'.repeat(tail)}` }
}

/** Control characters (also C1 and the bidirectional overrides) become `\x1b`; a tab becomes one space. */
function escape(text: string, limit: number): string {
  const safe = text
    .replaceAll('\t', ' ')
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/g, (character) => {
      const code = character.charCodeAt(0)
      return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`
    })
  return safe.length > limit ? `${safe.slice(0, limit)}…` : safe
}
