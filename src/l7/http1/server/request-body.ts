import { UNKNOWN_LENGTH } from '../../message/body-length.ts'
import { ChunkedReader, type ChunkSink } from '../parse/chunked-reader.ts'

/** Reads the body of a request off a connection, from any split of the bytes. */
export class RequestBody {
  #left = 0
  #chunks: ChunkedReader | undefined

  begin(length: number): void {
    this.#left = length
    this.#chunks = length === UNKNOWN_LENGTH ? new ChunkedReader() : undefined
  }

  get complete(): boolean {
    return this.#chunks === undefined ? this.#left === 0 : this.#chunks.done
  }

  /** Bytes that are still to come; Infinity when only the end will tell. */
  get left(): number {
    return this.#chunks === undefined ? this.#left : this.#chunks.done ? 0 : Infinity
  }

  /** The position up to which it read, or a failure. */
  read(buffer: Buffer, start: number, end: number, sink: ChunkSink): number {
    if (this.#chunks !== undefined) return this.#chunks.read(buffer, start, end, sink)
    const bodyEnd = Math.min(end, start + this.#left)
    this.#left -= bodyEnd - start
    sink.onChunkData(buffer, start, bodyEnd)
    if (this.#left === 0) sink.onChunkEnd('')
    return bodyEnd
  }
}
