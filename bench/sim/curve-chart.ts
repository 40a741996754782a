import { svgCurve, svgImage, svgLegend, svgLine } from './svg.ts'

export interface Curve {
  readonly label: string
  /** [x, y], in order of x */
  readonly points: readonly (readonly [number, number])[]
}

const WIDTH = 560
const HEIGHT = 280
const LEFT = 60
const TOP = 48
const LEGEND = 150
/** Curves over an axis that is logarithmic (1, 10, 100 …) or linear, y from 0. */
export function curveChart(
  title: string,
  xTitle: string,
  yTitle: string,
  curves: readonly Curve[],
  log = true
): string {
  const all = curves.flatMap(({ points }) => points)
  const maxX = Math.max(...all.map(([x]) => x))
  const top = nice(Math.max(...all.map(([, y]) => y)))
  const scale = (x: number) => (log ? Math.log10(x) / Math.log10(maxX) : x / maxX)
  const px = (x: number) => LEFT + scale(x) * WIDTH
  const py = (y: number) => TOP + HEIGHT - (y / top) * HEIGHT
  const xTicks = log ? powers(maxX) : Array.from({ length: 6 }, (_, i) => (maxX * i) / 5)
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const y = py(share * top)
    const label = `<text x="${LEFT - 6}" y="${y}" text-anchor="end" dy="4">${+(share * top).toPrecision(3)}</text>`
    return svgLine(LEFT, y, LEFT + WIDTH, y) + label
  })
  const axis = xTicks.map(
    (x) => `<text x="${px(x)}" y="${TOP + HEIGHT + 16}" text-anchor="middle">${x}</text>`
  )
  const lines = curves.map(({ points }, i) =>
    svgCurve(
      i,
      points.map(([x, value]) => [px(x), py(value)])
    )
  )
  const labels = curves.map(({ label }) => label)
  return svgImage(LEFT + WIDTH + LEGEND + 40, TOP + HEIGHT + 44, title, LEFT, [
    `<text x="${LEFT}" y="${TOP - 10}">${yTitle}</text>`,
    `<text x="${LEFT + WIDTH}" y="${TOP + HEIGHT + 34}" text-anchor="end">${xTitle}</text>`,
    ...grid,
    ...axis,
    ...lines,
    svgLegend(labels, LEFT + WIDTH + 16, TOP)
  ])
}

function powers(max: number): number[] {
  const list = []
  for (let x = 1; x <= max; x *= 10) list.push(x)
  return list
}

/** The next of 1, 2, 5 × 10^n. */
function nice(max: number): number {
  const unit = 10 ** Math.floor(Math.log10(max))
  return [1, 1.2, 1.5, 2, 5, 10].map((step) => step * unit).find((step) => step >= max)!
}
