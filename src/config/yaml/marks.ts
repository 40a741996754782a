/** What a reader who knows quotes and brackets, and nothing else of YAML, sees in a text. */
export type Mark =
  | {
      readonly kind: 'line'
      readonly offset: number
      readonly column: number
      readonly open: Open | undefined
    }
  | {
      readonly kind: 'open'
      readonly offset: number
      /** In the middle of a plain value between brackets. */
      readonly amid: boolean
    }
  | {
      readonly kind: 'close'
      readonly offset: number
      readonly open: Open | undefined
      /** What it stands in. */
      readonly around: Open | undefined
    }
  | {
      readonly kind: 'quote'
      readonly offset: number
      /** Behind the closing quote; undefined when its line ends before. */
      readonly end: number | undefined
      /** The bracket that it stands in. */
      readonly around: Open | undefined
    }

export interface Open {
  readonly offset: number
  /** Where the line that it stands in begins. */
  readonly column: number
}

/** Marks in the order of the text. Comments and block scalars are passed over; a quote is looked for in its line only. */
export function* marksOf(text: string): Generator<Mark> {
  const open: Open[] = []
  let scalarColumn = -1
  let from = 0
  for (const line of text.split('\n')) {
    const start = from
    from += line.length + 1
    const column = line.search(/[^ ]/)
    if (column === -1 || (scalarColumn !== -1 && column > scalarColumn)) continue
    scalarColumn = -1
    yield { kind: 'line', offset: start + column, column, open: open.at(-1) }
    for (let at = column; at < line.length; at++) {
      const char = line[at]!
      if (char === '#' && (at === 0 || /\s/.test(line[at - 1]!))) break
      const inside = open.length > 0
      if ((char === '"' || char === "'") && beginsValue(line, at)) {
        const end = quoteEnd(line, at)
        yield { kind: 'quote', offset: start + at, end: end && start + end, around: open.at(-1) }
        at = (end ?? line.length) - 1
      } else if ((char === '{' || char === '[') && (inside || beginsValue(line, at))) {
        open.push({ offset: start + at, column })
        yield { kind: 'open', offset: start + at, amid: !beginsValue(line, at) }
      } else if ((char === '}' || char === ']') && (inside || /[}\]]\s*$/.test(line.slice(0, at)))) {
        const closed = open.pop()
        yield { kind: 'close', offset: start + at, open: closed, around: open.at(-1) }
      } else if (!inside && /^[|>][+-]?\d?\s*(?:#.*)?$/.test(line.slice(at)) && beginsValue(line, at)) {
        scalarColumn = column
        break
      }
    }
  }
}

/** Whether a value may begin here: behind a colon, a dash, a comma, a bracket, or at the beginning of the line. */
function beginsValue(line: string, at: number): boolean {
  return /(?:^|[:,?-]\s|[[{,:])\s*$/.test(line.slice(Math.max(0, at - 100), at))
}

/** Behind the quote that closes the one at `at`. */
function quoteEnd(line: string, at: number): number | undefined {
  const pattern = line[at] === '"' ? /"(?:[^"\\]|\\.)*"/y : /'(?:[^']|'')*'/y
  pattern.lastIndex = at
  return pattern.test(line) ? pattern.lastIndex : undefined
}
