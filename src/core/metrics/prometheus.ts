import { catalogue } from './catalogue.ts'
import type { MetricName, MetricSpec } from './catalogue.ts'

/** The Content-Type of `GET /metrics`. */
export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** `listener="web",route="site"` in the catalogue's order; empty where the metric has no labels. */
export function formatLabels(name: MetricName, labels: Readonly<Record<string, string>>): string {
  let text = ''
  for (const label of catalogue[name].labels as readonly string[]) {
    // eslint-disable-next-line lb/no-text-index -- a label of the catalogue
    text += `${text === '' ? '' : ','}${label}="${escapeLabel(labels[label] ?? '')}"`
  }
  return text
}

/** The lines of one metric under their HELP and TYPE; nothing when there are none. */
export function withHead(name: MetricName, lines: string): string {
  if (lines === '') return ''
  const { help, type } = catalogue[name]
  return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${lines}`
}

/** A counter or gauge; `labels` as formatted. */
export function valueLine(name: MetricName, labels: string, value: number): string {
  return `${name}${braced(labels)} ${formatNumber(value)}\n`
}

/** `cells`: a count per bound, one for +Inf, then the sum. */
export function histogramLines(name: MetricName, labels: string, cells: Float64Array): string {
  const { bounds = [] }: MetricSpec = catalogue[name]
  const prefix = labels === '' ? '' : `${labels},`
  let text = ''
  let count = 0
  for (let i = 0; i <= bounds.length; i++) {
    count += cells[i]!
    const le = i < bounds.length ? formatNumber(bounds[i]!) : '+Inf'
    text += `${name}_bucket{${prefix}le="${le}"} ${formatNumber(count)}\n`
  }
  text += `${name}_sum${braced(labels)} ${formatNumber(cells[bounds.length + 1]!)}\n`
  // The count is the sum of the buckets, so that both are from the same moment.
  return `${text}${name}_count${braced(labels)} ${formatNumber(count)}\n`
}

function braced(labels: string): string {
  return labels === '' ? '' : `{${labels}}`
}

function formatNumber(value: number): string {
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  return String(value)
}

function escapeHelp(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')
}

function escapeLabel(text: string): string {
  // Nearly all values need no escape; the test is cheaper than three passes.
  if (!/[\\"\n]/.test(text)) return text
  return text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
}
