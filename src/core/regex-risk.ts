/**
 * Tells why an expression may take exponential time, or undefined. A path is at most urlBytes long, but `(a+)+$` needs
 * only 30 letters to run for minutes, and the data plane has one thread. Found: a repeated group that itself contains
 * a repetition or alternatives beginning alike, which covers what people write by accident; not everything. Expressions
 * come from the operator, so this is a warning and not a defence.
 */
export function regexRisk(source: string): string | undefined {
  const open: Group[] = []
  let top: Group = { start: 0, repeats: false, branches: [''] }
  for (let i = 0; i < source.length; i++) {
    const c = source[i]!
    if (c === '\\') {
      noteAtom(top, source.slice(i, i + 2))
      i++
    } else if (c === '[') {
      const end = classEnd(source, i)
      noteAtom(top, source.slice(i, end + 1))
      i = end
    } else if (c === '(') {
      open.push(top)
      top = { start: i, repeats: false, branches: [''] }
      const head = /^\?(?:[:=!]|<[=!]|<\w+>)/.exec(source.slice(i + 1))
      if (head !== null) i += head[0].length
    } else if (c === ')') {
      const group = top
      top = open.pop() ?? top
      const text = source.slice(group.start, i + 1)
      if (isUnboundedAt(source, i + 1)) {
        if (group.repeats)
          return `${text}${source[i + 1]!} repeats what repeats: it can take exponential time`
        if (ambiguous(group.branches))
          return `${text}${source[i + 1]!} repeats alternatives that begin alike: it can take exponential time`
        top.repeats = true
      } else if (group.repeats) {
        top.repeats = true
      }
      noteAtom(top, text)
    } else if (c === '|') {
      top.branches.push('')
    } else if (isUnboundedAt(source, i)) {
      top.repeats = true
    } else if (!'?{'.includes(c)) {
      noteAtom(top, c)
    }
  }
  return undefined
}

interface Group {
  readonly start: number
  repeats: boolean
  /** The first atom of each alternative. */
  readonly branches: string[]
}

function noteAtom(group: Group, atom: string): void {
  const last = group.branches.length - 1
  if (group.branches[last] === '') group.branches[last] = atom
}

function ambiguous(branches: readonly string[]): boolean {
  return branches.length > 1 && (new Set(branches).size < branches.length || branches.includes('.'))
}

/** `+`, `*`, `{2,}`; a bounded count is left out. */
function isUnboundedAt(source: string, at: number): boolean {
  const c = source[at]
  return c === '+' || c === '*' || (c === '{' && /^\{\d+,\}/.test(source.slice(at, at + 12)))
}

function classEnd(source: string, at: number): number {
  let i = at + 1
  while (i < source.length && source[i] !== ']') i += source[i] === '\\' ? 2 : 1
  return Math.min(i, source.length - 1)
}
