import type { RecordWriter, StoredRecord } from '../ports.ts'
import { PassedWriter } from './passed-writer.ts'

/** Copies `from`..`to` of a record into a writer. False: the writer refused more. */
export function copyBody(record: StoredRecord, from: number, to: number, writer: RecordWriter): boolean {
  let at = from
  while (at < to) {
    const piece = record.read(at, Math.min(to - at, 64 * 1024))
    if (piece === undefined || !writer.write(piece)) return false
    at += piece.length
  }
  return true
}

/** A writer that appends stored bytes to the body: for a 206 that ends where a stored part begins. */
export class CombinedWriter extends PassedWriter {
  readonly #tail: StoredRecord
  readonly #from: number

  constructor(writer: RecordWriter, tail: StoredRecord, from: number) {
    super(writer)
    this.#tail = tail
    this.#from = from
  }

  finish(): boolean {
    const whole = copyBody(this.#tail, this.#from, this.#tail.available, this.writer)
    this.#tail.release()
    if (whole) return this.writer.finish()
    this.writer.abort()
    return false
  }

  override abort(): void {
    this.#tail.release()
    super.abort()
  }
}
