import type { ContestantResult, ScenarioResult } from '../harness/results.ts'
import type { Metric } from '../scenarios/scenario.ts'
import { ratio, spread, type Spread } from '../stats/spread.ts'

/** One scenario condensed: medians, and the ratio of the first contestant (lb) to each of the others. */
export interface Row {
  readonly label: string
  readonly target: string
  readonly excluded?: string
  readonly wrong: boolean
  /** By Metric.key. */
  readonly values: Readonly<Record<string, Spread | undefined>>
  /** lb's figure divided by this one's, of the first metric; undefined for lb itself. */
  readonly ratio?: Spread
}

export function rowsOf({ contestants, metrics }: ScenarioResult): Row[] {
  const ours = contestants.find(({ target, rounds }) => target === 'lb' && rounds.length > 0)
  const key = metrics[0]!.key
  return contestants.map((contestant) => ({
    label: contestant.label,
    target: contestant.target,
    excluded: contestant.excluded,
    wrong: contestant.wrong === true,
    values: Object.fromEntries(metrics.map((metric) => [metric.key, spread(column(contestant, metric.key))])),
    ratio:
      ours === undefined || ours === contestant
        ? undefined
        : ratio(column(ours, key), column(contestant, key))
  }))
}

function column({ rounds }: ContestantResult, key: string): (number | undefined)[] {
  return rounds.map((round) => round[key])
}

export function formatValue(value: number | undefined, { digits }: Pick<Metric, 'digits'>): string {
  if (value === undefined) return '–'
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** `0.83 (0.81–0.86)`: median, and the lowest and highest round. */
export function formatRatio(value: Spread | undefined): string {
  if (value === undefined) return '–'
  const { median, min, max } = value
  return `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`
}

/** Header and rows of text cells, the same for the terminal and for Markdown. */
export function cellsOf(scenario: ScenarioResult): string[][] {
  const { metrics } = scenario
  const rows = rowsOf(scenario)
  const withRatio = rows.some((row) => row.ratio !== undefined)
  const header = [
    '',
    ...(withRatio ? [`lb / it: ${metrics[0]!.title}`] : []),
    ...metrics.map(({ title }) => title)
  ]
  const cells = rows
    .filter((row) => row.excluded === undefined)
    .map((row) => [
      row.label,
      ...(withRatio ? [formatRatio(row.ratio)] : []),
      ...metrics.map((metric) => formatValue(row.values[metric.key]?.median, metric))
    ])
  return [header, ...cells]
}
