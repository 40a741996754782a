/** Told apart also by those who do not see all colours (Okabe and Ito). */
const COLOURS = ['#000000', '#e69f00', '#56b4e9', '#009e73', '#cc79a7', '#0072b2', '#d55e00', '#999999']
/** From this line on they are dashed: what is drawn last lets what lies under it show. */
const DASHED_FROM = 5

/** A whole image with its title; `left`: where the title begins. */
export function svgImage(
  width: number,
  height: number,
  title: string,
  left: number,
  body: readonly string[]
): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${left}" y="22" font-size="15" font-weight="bold">${title}</text>`,
    ...body,
    '</svg>\n'
  ].join('\n')
}

/** One row for each curve, in the order in which they are drawn. */
export function svgLegend(labels: readonly string[], left: number, top: number): string {
  return labels
    .map((label, i) => {
      const at = top + 10 + i * 20
      return (
        `<line x1="${left}" y1="${at}" x2="${left + 26}" y2="${at}" ${svgStroke(i)}/>` +
        `<text x="${left + 32}" y="${at + 4}">${label}</text>`
      )
    })
    .join('\n')
}

/** The curve of the i-th label through points in pixels. */
export function svgCurve(i: number, points: readonly (readonly [number, number])[]): string {
  const text = points.map(([x, y]) => `${round(x)},${round(y)}`).join(' ')
  return `<polyline fill="none" ${svgStroke(i)} points="${text}"/>`
}

/** A line of the grid. */
export function svgLine(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="#ddd"/>`
}

function svgStroke(i: number): string {
  const dash = i >= DASHED_FROM ? ' stroke-dasharray="5 3"' : ''
  return `stroke="${COLOURS[i % COLOURS.length]!}" stroke-width="1.8"${dash}`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
