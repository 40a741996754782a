import type { MetricsAnnouncement } from '../metrics.ts'
import { catalogue } from './catalogue.ts'
import type { CounterName, GaugeName, LabelsOf, MetricName } from './catalogue.ts'
import { formatLabels, renderFamily } from './prometheus.ts'

/** Tells a value that lives elsewhere (backend table, process) at the moment of a scrape. */
export type Sample = <N extends CounterName | GaugeName>(name: N, labels: LabelsOf<N>, value: number) => void
export type Collector = (sample: Sample) => void

/** One thread's series in the hub. */
export interface MetricsSource {
  announce(announcement: MetricsAnnouncement): void
  /** The thread is gone: its counts stay in the totals, its gauges do not. */
  detach(): void
}

interface Series {
  readonly key: string
  readonly name: MetricName
  readonly labels: Readonly<Record<string, string>>
  /** The cells of each living thread. */
  readonly parts: Set<Float64Array>
  /** What threads that are gone have counted: a counter must never go down. */
  readonly retired: Float64Array
}

/** The main thread's view of all metrics: sums the cells of all threads by series and renders them. */
export class MetricsHub {
  // By name, then by rendered labels, so that rendering walks the catalogue in order.
  readonly #families = new Map<MetricName, Map<string, Series>>()
  readonly #collectors: Collector[] = []
  readonly #droppedBy = new Map<MetricsSource, number>()

  /** One call per thread, the main thread included; hand every announcement of that thread to the source. */
  attach(): MetricsSource {
    const blocks: SharedArrayBuffer[] = []
    const owned = new Map<number, { series: Series; part: Float64Array }>()
    const source: MetricsSource = {
      announce: (announcement) => {
        blocks.push(...announcement.blocks)
        for (const id of announcement.removed) {
          const place = owned.get(id)
          if (place === undefined) continue
          owned.delete(id)
          this.#retire(place.series, place.part)
          if (place.series.parts.size === 0) this.#families.get(place.series.name)?.delete(place.series.key)
        }
        for (const { id, name, labels, block, offset, cells } of announcement.added) {
          const part = new Float64Array(blocks[block]!, offset * Float64Array.BYTES_PER_ELEMENT, cells)
          const series = this.#series(name, labels, cells)
          series.parts.add(part)
          owned.set(id, { series, part })
        }
        this.#droppedBy.set(source, announcement.dropped)
      },
      detach: () => {
        for (const { series, part } of owned.values()) this.#retire(series, part)
        owned.clear()
        this.#droppedBy.delete(source)
      }
    }
    return source
  }

  /** `collector` runs at every scrape; what it tells is added to the series of that name and labels. */
  collect(collector: Collector): void {
    this.#collectors.push(collector)
  }

  /** Forgets totals that only threads that are gone have counted; the living forget through Metrics.forget. */
  forget(gone: (labels: Readonly<Record<string, string>>) => boolean): void {
    for (const family of this.#families.values()) {
      for (const [key, series] of family) {
        if (series.parts.size === 0 && gone(series.labels)) family.delete(key)
      }
    }
  }

  /** Prometheus text format 0.0.4. */
  render(): string {
    const collected = new Map<MetricName, Map<string, number>>()
    const sample: Sample = (name, labels, value) => {
      let family = collected.get(name)
      if (family === undefined) collected.set(name, (family = new Map()))
      const key = formatLabels(name, labels)
      family.set(key, (family.get(key) ?? 0) + value)
    }
    for (const collector of this.#collectors) collector(sample)
    sample(
      'lb_metrics_dropped_series',
      {},
      [...this.#droppedBy.values()].reduce((sum, n) => sum + n, 0)
    )

    let text = ''
    for (const name of Object.keys(catalogue) as MetricName[]) {
      const values = new Map<string, Float64Array>()
      for (const [key, series] of this.#families.get(name) ?? []) values.set(key, total(series))
      for (const [key, value] of collected.get(name) ?? []) {
        const known = values.get(key)
        if (known === undefined) values.set(key, Float64Array.of(value))
        else known[0]! += value
      }
      text += renderFamily(name, values)
    }
    return text
  }

  #series(name: MetricName, labels: Readonly<Record<string, string>>, cells: number): Series {
    let family = this.#families.get(name)
    if (family === undefined) this.#families.set(name, (family = new Map()))
    const key = formatLabels(name, labels)
    let series = family.get(key)
    if (series === undefined) {
      series = { key, name, labels, parts: new Set(), retired: new Float64Array(cells) }
      family.set(key, series)
    }
    return series
  }

  #retire(series: Series, part: Float64Array): void {
    series.parts.delete(part)
    if (catalogue[series.name].type === 'gauge') {
      // A gauge tells of now: what a dead worker had open is closed, and without it the series says nothing.
      if (series.parts.size === 0) this.#families.get(series.name)?.delete(series.key)
      return
    }
    for (let i = 0; i < part.length; i++) series.retired[i]! += part[i]!
  }
}

function total(series: Series): Float64Array {
  const sum = series.retired.slice()
  for (const part of series.parts) {
    for (let i = 0; i < sum.length; i++) sum[i]! += part[i]!
  }
  return sum
}
