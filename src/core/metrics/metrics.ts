import { catalogue } from './catalogue.ts'
import type { CounterName, GaugeName, HistogramName, LabelsOf, MetricName } from './catalogue.ts'

/** Cells per block of shared memory: 32 KiB, so 1,000 backends take one or two blocks per thread. */
const BLOCK_CELLS = 4096

/**
 * Most cells one thread hands out (8 MiB). Series come from the configuration, so only a configuration that changes
 * for ever could reach it, if `forget` were never called; beyond it a series counts into a cell that is never read.
 */
const MAX_CELLS = 1 << 20

/** What a thread tells the main thread about its series: shared memory, sent once, and the place of each series in it. */
export interface MetricsAnnouncement {
  /** New blocks; a block's number is its place in the order of all blocks of this thread. */
  readonly blocks: readonly SharedArrayBuffer[]
  readonly added: readonly AnnouncedSeries[]
  /** Ids of series that were forgotten. */
  readonly removed: readonly number[]
  /** Series refused since the start. */
  readonly dropped: number
}

export interface AnnouncedSeries {
  readonly id: number
  readonly name: MetricName
  readonly labels: Readonly<Record<string, string>>
  readonly block: number
  readonly offset: number
  readonly cells: number
}

/**
 * A place in shared memory that one thread writes with plain stores. No Atomics: there is one writer per cell, so no
 * update can be lost, and an aligned 8-byte store is one instruction on every 64-bit machine, so the main thread reads
 * the old value or the new one. A plain add costs about 1 ns; Atomics has no doubles, and on integers costs 5 to 20.
 */
class Cells {
  // Written by `forget` only: a forgotten series goes on counting into memory that nobody reads.
  protected values: Float64Array
  protected at: number

  constructor(values: Float64Array, at: number) {
    this.values = values
    this.at = at
  }

  /** Internal: used by Metrics.forget. */
  unplug(scratch: Float64Array): void {
    this.values = scratch
    this.at = 0
  }
}

export class Counter extends Cells {
  add(n = 1): void {
    this.values[this.at]! += n
  }
}

export class Gauge extends Cells {
  add(n = 1): void {
    this.values[this.at]! += n
  }

  set(n: number): void {
    this.values[this.at] = n
  }
}

/** Cells: one count per bound, one for +Inf, then the sum. */
export class Histogram extends Cells {
  readonly #bounds: readonly number[]

  constructor(values: Float64Array, at: number, bounds: readonly number[]) {
    super(values, at)
    this.#bounds = bounds
  }

  /** In the unit of the metric's name: seconds. */
  observe(value: number): void {
    const bounds = this.#bounds
    let i = 0
    // A dozen bounds, and most values lie near the beginning: a search by halves is no faster.
    while (i < bounds.length && value > bounds[i]!) i++
    this.values[this.at + i]! += 1
    this.values[this.at + bounds.length + 1]! += value
  }
}

interface Registered {
  readonly id: number
  readonly labels: Readonly<Record<string, string>>
  readonly metric: Cells
  /** Undefined for one that was refused. */
  readonly place: { readonly block: number; readonly offset: number; readonly cells: number } | undefined
}

/**
 * The metrics of one thread. Registering is for when a snapshot is built, never for a request: it looks names up and
 * tells the main thread. The same name and labels give the same object.
 */
export class Metrics {
  readonly #announce: (announcement: MetricsAnnouncement) => void
  readonly #series = new Map<string, Registered>()
  readonly #blocks: Float64Array[] = []
  /** Places given back by `forget`, by their number of cells. */
  readonly #free = new Map<number, { block: number; offset: number }[]>()
  readonly #scratch = new Float64Array(64)
  readonly #maxCells: number
  #used = BLOCK_CELLS
  #nextId = 0
  #dropped = 0
  #pending: { blocks: SharedArrayBuffer[]; added: AnnouncedSeries[]; removed: number[] } | undefined

  /** `announce` is called at the end of the turn in which series came or went: one message for a whole snapshot. */
  constructor(announce: (announcement: MetricsAnnouncement) => void = () => {}, maxCells = MAX_CELLS) {
    this.#announce = announce
    this.#maxCells = maxCells
  }

  counter<N extends CounterName>(name: N, labels: LabelsOf<N>): Counter {
    return this.#register(name, labels, 1, (values, at) => new Counter(values, at))
  }

  gauge<N extends GaugeName>(name: N, labels: LabelsOf<N>): Gauge {
    return this.#register(name, labels, 1, (values, at) => new Gauge(values, at))
  }

  /** The bounds stand in the catalogue. */
  histogram<N extends HistogramName>(name: N, labels: LabelsOf<N>): Histogram {
    const { bounds } = catalogue[name]
    return this.#register(name, labels, bounds.length + 2, (values, at) => new Histogram(values, at, bounds))
  }

  /**
   * Forgets the series whose labels say so (a pool, route or backend that the configuration no longer has). Objects
   * that are still held may be used: they count into nothing. Returns how many went.
   */
  forget(gone: (labels: Readonly<Record<string, string>>) => boolean): number {
    let count = 0
    for (const [key, { id, labels, metric, place }] of this.#series) {
      if (!gone(labels)) continue
      this.#series.delete(key)
      metric.unplug(this.#scratch)
      count++
      if (place === undefined) continue
      const free = this.#free.get(place.cells) ?? []
      free.push(place)
      this.#free.set(place.cells, free)
      this.#tell().removed.push(id)
    }
    return count
  }

  /** Announces what is pending now instead of at the end of the turn. */
  flush(): void {
    const pending = this.#pending
    if (pending === undefined) return
    this.#pending = undefined
    this.#announce({ ...pending, dropped: this.#dropped })
  }

  #register<M extends Cells>(
    name: MetricName,
    labels: Readonly<Record<string, string>>,
    cells: number,
    create: (values: Float64Array, at: number) => M
  ): M {
    let key: string = name
    // eslint-disable-next-line lb/no-text-index -- a label of the catalogue
    for (const label of catalogue[name].labels) key += `\0${labels[label as string]}`
    const known = this.#series.get(key)
    // The key begins with the name, and a name has one type.
    if (known !== undefined) return known.metric as M

    const place = this.#place(cells)
    const metric =
      place === undefined ? create(this.#scratch, 0) : create(this.#blocks[place.block]!, place.offset)
    const id = this.#nextId++
    this.#series.set(key, { id, labels, metric, place })
    const pending = this.#tell()
    if (place === undefined) this.#dropped++
    else pending.added.push({ id, name, labels, ...place })
    return metric
  }

  #place(cells: number): { block: number; offset: number; cells: number } | undefined {
    const free = this.#free.get(cells)?.pop()
    if (free !== undefined) {
      // Cleared now and not when it was forgotten: the hub adds its last values to the totals in between.
      this.#blocks[free.block]!.fill(0, free.offset, free.offset + cells)
      return { block: free.block, offset: free.offset, cells }
    }
    if (this.#used + cells > BLOCK_CELLS) {
      if ((this.#blocks.length + 1) * BLOCK_CELLS > this.#maxCells) return undefined
      const block = new SharedArrayBuffer(BLOCK_CELLS * Float64Array.BYTES_PER_ELEMENT)
      this.#blocks.push(new Float64Array(block))
      this.#tell().blocks.push(block)
      this.#used = 0
    }
    const offset = this.#used
    this.#used += cells
    return { block: this.#blocks.length - 1, offset, cells }
  }

  #tell(): { blocks: SharedArrayBuffer[]; added: AnnouncedSeries[]; removed: number[] } {
    if (this.#pending === undefined) {
      this.#pending = { blocks: [], added: [], removed: [] }
      queueMicrotask(() => this.flush())
    }
    return this.#pending
  }
}
