import type { MetricsAnnouncement } from './metrics.ts'
import { catalogue } from './catalogue.ts'
import type { CounterName, GaugeName, LabelsOf, MetricName } from './catalogue.ts'
import { formatLabels, histogramLines, valueLine, withHead } from './prometheus.ts'

/** Gives a value that is kept elsewhere (backend table, process) at the moment of a scrape. */
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
  /** Counts of threads that have ended: a counter must never go down. */
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

  /**
   * Each of `collectors` runs at every scrape; what it tells is added to what threads count in that series. Collectors
   * do not tell the same series twice.
   */
  collect(...collectors: readonly Collector[]): void {
    this.#collectors.push(...collectors)
  }

  /** Forgets totals that only threads that are gone have counted; the living forget through Metrics.forget. */
  forget(gone: (labels: Readonly<Record<string, string>>) => boolean): void {
    for (const family of this.#families.values()) {
      for (const [key, series] of family) {
        if (series.parts.size === 0 && gone(series.labels)) family.delete(key)
      }
    }
  }

  /** What threads have counted of `name`, summed by one of its labels, where the others are as `where` says. */
  totals<N extends CounterName>(
    name: N,
    label: keyof LabelsOf<N> & string,
    where: Partial<LabelsOf<N>>
  ): Map<string, number> {
    const sums = new Map<string, number>()
    for (const series of this.#families.get(name)?.values() ?? []) {
      const labels = new Map(Object.entries(series.labels))
      if (Object.entries(where).some(([key, value]) => labels.get(key) !== value)) continue
      const by = labels.get(label) ?? ''
      sums.set(by, (sums.get(by) ?? 0) + total(series)[0]!)
    }
    return sums
  }

  /** Prometheus text format 0.0.4. 10,000 backends are 110,000 lines and take some 0.1 s. */
  render(): string {
    const collected = new Map<MetricName, { lines: string; values: Map<string, number> }>()
    const sample: Sample = (name, labels, value) => {
      let family = collected.get(name)
      if (family === undefined) collected.set(name, (family = { lines: '', values: new Map() }))
      const key = formatLabels(name, labels)
      // Nearly all collected series are counted by no thread: each is written as a line at once, without a map per scrape.
      if (!this.#families.has(name)) family.lines += valueLine(name, key, value)
      else family.values.set(key, (family.values.get(key) ?? 0) + value)
    }
    for (const collector of this.#collectors) collector(sample)
    sample(
      'lb_metrics_dropped_series',
      {},
      [...this.#droppedBy.values()].reduce((sum, n) => sum + n, 0)
    )

    let text = ''
    for (const name of Object.keys(catalogue) as MetricName[]) {
      const { lines = '', values } = collected.get(name) ?? {}
      text += withHead(name, lines + this.#renderFamily(name, values ?? new Map<string, number>()))
    }
    return text
  }

  /** `values` holds what was collected of a counter or gauge that threads count too. */
  #renderFamily(name: MetricName, values: Map<string, number>): string {
    const registered = this.#families.get(name) ?? new Map<string, Series>()
    let lines = ''
    if (catalogue[name].type === 'histogram') {
      for (const [key, series] of registered) lines += histogramLines(name, key, total(series))
      return lines
    }
    for (const [key, series] of registered) values.set(key, (values.get(key) ?? 0) + total(series)[0]!)
    for (const [key, value] of values) lines += valueLine(name, key, value)
    return lines
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
      // A gauge is about the present: what a dead worker had open is closed, so its part is left out.
      if (series.parts.size === 0) this.#families.get(series.name)?.delete(series.key)
      return
    }
    for (let i = 0; i < part.length; i++) series.retired[i]! += part[i]!
  }
}

function total({ retired, parts }: Series): Float64Array {
  const cells = retired.slice()
  for (const part of parts) {
    for (let i = 0; i < cells.length; i++) cells[i]! += part[i]!
  }
  return cells
}
