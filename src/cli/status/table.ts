export type Color = 'green' | 'red' | 'yellow' | 'dim' | 'none'

export interface Column<Row> {
  readonly header: string
  readonly align?: 'right'
  readonly text: (row: Row) => string
  readonly color?: (row: Row) => Color
  /**
   * When the table does not fit, the column with the highest rank is dropped first; 0 is never dropped. For ranks under
   * EXTRA other columns are cut.
   */
  readonly rank: number
  /** It may be cut with an ellipsis down to this many characters; default: it is shown whole or not at all. */
  readonly min?: number
  /** Cut in the middle: names differ at their end as often as at their beginning. */
  readonly middle?: boolean
  /** When it cannot be shown whole, this text is shown below the row, on lines of its own. */
  readonly below?: (row: Row) => string
}

/** Columns from this rank on are shown only if the others need not be cut. */
export const EXTRA = 10

const GAP = 2
const codes = { green: 32, red: 31, yellow: 33, dim: 2, none: 0 } satisfies Record<Color, number>

interface Laid<Row> {
  readonly column: Column<Row>
  readonly cells: readonly string[]
  /** Least width at which different texts still differ; undefined: it is not cut. */
  readonly least: number | undefined
  width: number
}

/** Rows up to which texts are compared. */
const COMPARED = 2000

/**
 * Lines of a table that is at most `width` wide. If it is too narrow for all columns, those with the highest rank are
 * dropped; the others are cut with an ellipsis, or shown below their row. A column without content is left out.
 */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
  color: boolean
): string[] {
  const laid = columns
    .map((column): Laid<Row> => {
      const cells = rows.map((row) => printable(column.text(row)))
      const widest = cells.reduce((most, cell) => Math.max(most, cell.length), column.header.length)
      return { column, cells, least: leastWidth(column, cells, widest), width: widest }
    })
    .filter(({ cells, column }) => column.rank === 0 || cells.some((cell) => cell !== ''))
  const beside = fit(
    laid.map((each) => ({ ...each })),
    width
  )
  const sentence = laid.find((each) => each.column.below !== undefined && !isWhole(each, beside))
  const shown =
    sentence === undefined
      ? beside
      : fit(
          laid.filter((each) => each !== sentence),
          width
        )
  const under = sentence?.column.below
  const line = (cell: (column: Laid<Row>) => string, paint: (column: Laid<Row>) => Color): string =>
    shown
      .map((column, index) => {
        const text = cut(cell(column), column.width, column.column.middle === true)
        const padding = ' '.repeat(column.width - text.length)
        const painted = color ? paintText(text, paint(column)) : text
        if (column.column.align === 'right') return padding + painted
        return index === shown.length - 1 ? painted : painted + padding
      })
      .join(' '.repeat(GAP))
      .trimEnd()
  return [
    line(
      ({ column }) => column.header,
      () => 'dim'
    ),
    ...rows.flatMap((row, index) => [
      line(
        ({ cells }) => cells[index]!,
        ({ column }) => column.color?.(row) ?? 'none'
      ),
      ...(under === undefined ? [] : wrapped(printable(under(row)), width))
    ])
  ]
}

/** Two names must not become one: `frontend-7f9c8b6d5-abcde` and `-fghij`. */
function leastWidth<Row>(
  { min, middle = false }: Column<Row>,
  cells: readonly string[],
  widest: number
): number | undefined {
  if (min === undefined || !middle || cells.length > COMPARED) return min
  const all = [...new Set(cells)]
  for (let width = min; width < widest; width++)
    if (new Set(all.map((cell) => cut(cell, width, middle))).size === all.length) return width
  return widest
}

/** Whether it fits beside the others without an ellipsis. */
function isWhole<Row>({ column, cells }: Laid<Row>, shown: readonly Laid<Row>[]): boolean {
  const width = shown.find((each) => each.column === column)?.width ?? 0
  return cells.every((cell) => cell.length <= width)
}

/** Lines of a sentence, indented, broken between words. */
function wrapped(text: string, width: number): string[] {
  const room = Math.max(20, width - 2 * GAP)
  const lines: string[] = []
  let rest = text
  while (rest.length > room) {
    const space = rest.lastIndexOf(' ', room)
    const end = space > 0 ? space : room
    lines.push(rest.slice(0, end))
    rest = rest.slice(end).trimStart()
  }
  if (rest !== '') lines.push(rest)
  return lines.map((line) => cut(' '.repeat(2 * GAP) + line, width, false))
}

/** The columns that fit, in their order, with their widths. */
function fit<Row>(all: readonly Laid<Row>[], width: number): readonly Laid<Row>[] {
  // First the extras, the highest rank first: an extra is cut, if possible, before another is dropped.
  let shown = all
  let over = excess(shown, width)
  while (over > slack(extras(shown)) && extras(shown).length > 0) {
    shown = withoutHighest(shown)
    over = excess(shown, width)
  }
  if (extras(shown).length === 0) {
    while (over > slack(shown) && shown.some(({ column }) => column.rank > 0)) {
      shown = withoutHighest(shown)
      over = excess(shown, width)
    }
  }
  const cuttable = extras(shown).length > 0 ? extras(shown) : shown
  if (over <= 0 || over === Infinity) return shown
  shrink(cuttable, over, ({ least }) => least)
  // With the fewest columns: the line must fit, whatever becomes of names.
  shrink(cuttable, excess(shown, width), ({ column }) => column.min)
  return shown
}

function excess<Row>(shown: readonly Laid<Row>[], width: number): number {
  return shown.reduce((sum, column) => sum + column.width + GAP, -GAP) - width
}

function extras<Row>(shown: readonly Laid<Row>[]): readonly Laid<Row>[] {
  return shown.filter(({ column }) => column.rank >= EXTRA)
}

function slack<Row>(shown: readonly Laid<Row>[]): number {
  return shown.reduce((sum, { least, width }) => sum + Math.max(0, width - (least ?? width)), 0)
}

function withoutHighest<Row>(shown: readonly Laid<Row>[]): readonly Laid<Row>[] {
  const highest = Math.max(...shown.map(({ column }) => column.rank))
  return shown.filter(({ column }) => column.rank !== highest)
}

/** Removes `over` characters from the columns that may be cut, the widest first. */
function shrink<Row>(
  shown: readonly Laid<Row>[],
  over: number,
  least: (each: Laid<Row>) => number | undefined
): void {
  for (let left = over; left > 0; left--) {
    const widest = shown
      .filter((each) => each.width > (least(each) ?? Infinity))
      .sort((a, b) => b.width - a.width)[0]
    if (widest === undefined) return
    widest.width--
  }
}

function cut(text: string, width: number, middle: boolean): string {
  if (middle && text.length > width && width > 3) {
    const tail = Math.floor((width - 1) / 2)
    return `${text.slice(0, width - 1 - tail)}…${text.slice(-tail)}`
  }
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}

function paintText(text: string, color: Color): string {
  return color === 'none' || text === '' ? text : `\x1b[${codes[color]}m${text}\x1b[0m`
}

/** The answer to a probe must not move the cursor. */
function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, '?')
}
