import type { CacheCounters, FillFailure, RecordWriter } from '../ports.ts'

/** Counts a response as stored once all of it is. */
export class CountedWriter implements RecordWriter {
  readonly #writer: RecordWriter
  readonly #counters: CacheCounters

  constructor(writer: RecordWriter, counters: CacheCounters) {
    this.#writer = writer
    this.#counters = counters
  }

  get failure(): FillFailure | undefined {
    return this.#writer.failure
  }

  get followers(): number {
    return this.#writer.followers
  }

  write(chunk: Uint8Array): boolean {
    return this.#writer.write(chunk)
  }

  finish(): boolean {
    const published = this.#writer.finish()
    if (published) this.#counters.add('stored')
    return published
  }

  abort(): void {
    this.#writer.abort()
  }
}
