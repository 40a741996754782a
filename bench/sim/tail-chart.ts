import { svgCurve, svgImage, svgLegend, svgLine } from './svg.ts'

export interface Line {
  readonly label: string
  /** [quantile 0..1, ms] */
  readonly points: readonly (readonly [number, number])[]
}

export interface Panel {
  readonly title: string
  readonly lines: readonly Line[]
}

const PANEL = { width: 320, height: 300, left: 52, top: 56, gap: 48 }
const LEGEND = 150
const TICKS_X = [0.5, 0.9, 0.99, 0.999, 0.9999]
/** What is slower than the last is drawn on the upper edge. */
const TICKS_Y = [10, 30, 100, 300, 1000, 3000, 10_000]

/** Tails of response times: quantiles in nines to the right, ms upwards, both logarithmic; panels side by side. */
export function tailChart(title: string, panels: readonly Panel[]): string {
  const width = PANEL.left + panels.length * (PANEL.width + PANEL.gap) + LEGEND
  const height = PANEL.top + PANEL.height + 50
  const slowest = Math.max(
    ...panels.flatMap(({ lines }) => lines.flatMap(({ points }) => points.map(([, ms]) => ms)))
  )
  const ticks = TICKS_Y.slice(0, TICKS_Y.findIndex((ms) => ms >= slowest) + 1 || undefined)
  const body = panels.map((panel, i) => {
    return drawPanel(panel, PANEL.left + i * (PANEL.width + PANEL.gap), i === 0, ticks)
  })
  const labels = panels[0]!.lines.map(({ label }) => label)
  const legend = svgLegend(labels, PANEL.left + panels.length * (PANEL.width + PANEL.gap), PANEL.top)
  return svgImage(width, height, title, PANEL.left, [...body, legend])
}

function drawPanel(panel: Panel, left: number, first: boolean, ticks: readonly number[]): string {
  const y = scale(ticks)
  const parts = [`<text x="${left}" y="${PANEL.top - 10}" font-weight="bold">${panel.title}</text>`]
  for (const quantile of TICKS_X) {
    const at = left + x(quantile)
    parts.push(svgLine(at, PANEL.top, at, PANEL.top + PANEL.height))
    const label = `p${Number((quantile * 100).toFixed(2))}`
    parts.push(`<text x="${at}" y="${PANEL.top + PANEL.height + 16}" text-anchor="middle">${label}</text>`)
  }
  for (const ms of ticks) {
    const at = PANEL.top + y(ms)
    parts.push(svgLine(left, at, left + PANEL.width, at))
    const label = ms >= 1000 ? `${ms / 1000} s` : `${ms} ms`
    if (first) parts.push(`<text x="${left - 6}" y="${at + 4}" text-anchor="end">${label}</text>`)
  }
  panel.lines.forEach((each, i) => {
    const points = each.points.map(([quantile, ms]) => [left + x(quantile), PANEL.top + y(ms)] as const)
    parts.push(svgCurve(i, points))
  })
  return parts.join('\n')
}

/** Nines: 0.9, 0.99, 0.999 are equally far apart. */
function x(quantile: number): number {
  const nines = -Math.log10(1 - quantile)
  const [from, to] = [-Math.log10(0.5), -Math.log10(0.0001)]
  return (PANEL.width * (nines - from)) / (to - from)
}

function scale(ticks: readonly number[]): (ms: number) => number {
  const [from, to] = [Math.log10(ticks[0]! * 0.6), Math.log10(ticks.at(-1)!)]
  return (ms) => PANEL.height * (1 - Math.min(1, Math.max(0, (Math.log10(ms) - from) / (to - from))))
}
