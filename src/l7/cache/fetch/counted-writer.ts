import type { CacheCounters, RecordWriter } from '../ports.ts'
import { PassedWriter } from './passed-writer.ts'

/** Counts a response as stored once all of it is. */
export class CountedWriter extends PassedWriter {
  readonly #counters: CacheCounters

  constructor(writer: RecordWriter, counters: CacheCounters) {
    super(writer)
    this.#counters = counters
  }

  finish(): boolean {
    const published = this.writer.finish()
    if (published) this.#counters.add('stored')
    return published
  }
}
