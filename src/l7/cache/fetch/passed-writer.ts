import type { FillFailure, RecordWriter } from '../ports.ts'

/** A writer that passes all on to another one. */
export abstract class PassedWriter implements RecordWriter {
  protected readonly writer: RecordWriter

  constructor(writer: RecordWriter) {
    this.writer = writer
  }

  get failure(): FillFailure | undefined {
    return this.writer.failure
  }

  get followers(): number {
    return this.writer.followers
  }

  write(chunk: Uint8Array): boolean {
    return this.writer.write(chunk)
  }

  abort(): void {
    this.writer.abort()
  }

  abstract finish(): boolean
}
