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
/** Told apart also by those who do not see all colours (Okabe and Ito). */
const COLOURS = ['#000000', '#e69f00', '#56b4e9', '#009e73', '#cc79a7']

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
  const px = (x: number) => (LEFT + scale(x) * WIDTH).toFixed(1)
  const py = (y: number) => (TOP + HEIGHT - (y / top) * HEIGHT).toFixed(1)
  const xTicks = log ? powers(maxX) : Array.from({ length: 6 }, (_, i) => (maxX * i) / 5)
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const y = py(share * top)
    return `<path d="M${LEFT} ${y}h${WIDTH}" stroke="#ddd"/><text x="${LEFT - 6}" y="${y}" text-anchor="end" dy="4">${+(share * top).toPrecision(3)}</text>`
  })
  const axis = xTicks.map(
    (x) => `<text x="${px(x)}" y="${TOP + HEIGHT + 16}" text-anchor="middle">${x}</text>`
  )
  const lines = curves.map(({ label, points }, i) => {
    const colour = COLOURS[i % COLOURS.length]!
    const y = TOP + 12 + i * 18
    return (
      `<path d="M${points.map(([x, value]) => `${px(x)} ${py(value)}`).join('L')}" fill="none" stroke="${colour}" stroke-width="2"/>` +
      `<path d="M${LEFT + WIDTH + 16} ${y}h20" stroke="${colour}" stroke-width="2"/><text x="${LEFT + WIDTH + 42}" y="${y}" dy="4">${label}</text>`
    )
  })
  const width = LEFT + WIDTH + LEGEND + 40
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${TOP + HEIGHT + 44}" font-family="sans-serif" font-size="11">`,
    `<rect width="${width}" height="${TOP + HEIGHT + 44}" fill="#fff"/>`,
    `<text x="${LEFT}" y="20" font-size="15" font-weight="bold">${title}</text>`,
    `<text x="${LEFT}" y="${TOP - 10}">${yTitle}</text>`,
    `<text x="${LEFT + WIDTH}" y="${TOP + HEIGHT + 34}" text-anchor="end">${xTitle}</text>`,
    ...grid,
    ...axis,
    ...lines,
    '</svg>\n'
  ].join('\n')
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
