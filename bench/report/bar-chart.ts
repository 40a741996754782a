/** A horizontal bar chart as SVG: no script, no font to load, readable on light and dark pages. */
export interface Bar {
  readonly label: string
  readonly value: number
  /** The lowest and highest round, drawn as a thin line. */
  readonly min: number
  readonly max: number
  readonly text: string
  readonly highlighted: boolean
}

const width = 720
const left = 170
const right = 90
const rowHeight = 26
const top = 52

export function barChart(title: string, subtitle: string, bars: readonly Bar[]): string {
  const largest = Math.max(...bars.map(({ value, max }) => Math.max(value, max)), Number.MIN_VALUE)
  const scale = (width - left - right) / largest
  const height = top + bars.length * rowHeight + 12
  const round = (value: number): string => String(Math.round(value * 10) / 10)
  const rows = bars.map(({ label, value, min, max, text, highlighted }, index) => {
    const y = top + index * rowHeight
    const middle = y + 9
    const fill = highlighted ? '#1f6feb' : '#a8b3bf'
    const weight = highlighted ? ' font-weight="bold"' : ''
    const line = `<line x1="${round(left + min * scale)}" x2="${round(left + max * scale)}" y1="${middle}" y2="${middle}" stroke="#24292f" stroke-width="1.5"/>`
    return `  <text x="${left - 8}" y="${y + 13}" text-anchor="end"${weight}>${escape(label)}</text>
  <rect x="${left}" y="${y}" width="${round(Math.max(1, value * scale))}" height="18" rx="2" fill="${fill}"/>
  ${line}
  <text x="${round(left + Math.max(value, max) * scale + 6)}" y="${y + 13}"${weight}>${escape(text)}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="13" fill="#24292f" role="img" aria-label="${escape(title)}">
  <rect width="${width}" height="${height}" rx="6" fill="#ffffff"/>
  <text x="12" y="22" font-size="15" font-weight="bold">${escape(title)}</text>
  <text x="12" y="40" fill="#57606a" font-size="12">${escape(subtitle)}</text>
${rows.join('\n')}
</svg>
`
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
