/**
 * Tells why an expression may take exponential time, or undefined. A path is at most urlBytes long, but `(a+)+$` needs
 * only 30 letters to run for minutes, and the data plane has one thread. Found: a repeated group that itself contains
 * a repetition or alternatives beginning alike, which covers what people write by accident; not everything. Expressions
 * come from the operator, so this is a warning and not a defence.
 */
export function regexRisk(source: string): string | undefined {
  const open: Group[] = []
  let anythings = 0
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
      if (source[i - 1] === '.' && source[i - 2] !== '\\') anythings++
    } else if (!'?{'.includes(c)) {
      noteAtom(top, c)
    }
  }
  return anythings > MAX_ANYTHINGS
    ? `${anythings} times ".*" or ".+": it can take the length of the path to the power of ${anythings}`
    : undefined
}

/** Two of them are slow on 8 KiB (tens of milliseconds), three take minutes. */
const MAX_ANYTHINGS = 2

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

/** Some character can begin two of them. */
function ambiguous(branches: readonly string[]): boolean {
  const begun = new Set<number>()
  for (const atom of branches) {
    const beginning = beginnings(atom)
    for (const c of beginning) {
      if (begun.has(c)) return true
    }
    for (const c of beginning) begun.add(c)
  }
  return false
}

/** The characters of ASCII that an atom may match: `a`, `\w`, `[a-z]`, `.`; a group is not looked into. */
function beginnings(atom: string): number[] {
  if (atom === '' || atom.startsWith('(')) return []
  let one: RegExp
  try {
    one = new RegExp(`^(?:${atom})`)
  } catch {
    return []
  }
  const found: number[] = []
  for (let c = 32; c < 127; c++) {
    const match = one.exec(String.fromCharCode(c))
    if (match !== null && match[0].length === 1) found.push(c)
  }
  return found
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
