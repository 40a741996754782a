import {
  FLAG_END_HEADERS,
  FLAG_END_STREAM,
  FRAME_HEAD,
  HEADERS,
  LEAST_FRAME_SIZE
} from '../../frames/codes.ts'
import type { OutQueue } from '../../frames/out-queue.ts'
import { putHead, writeLongHeaders } from '../../frames/write-frames.ts'
import { encodedBound, Encoder } from '../../hpack/encoder.ts'

/** Writes field sections directly into the connection's output, after reserving room for the frame's head. */
export class SectionWriter {
  readonly #out: OutQueue
  #encoder: Encoder | undefined
  /** The peer's table size, until the encoder is created. */
  #tableSize = -1
  #buffer: Buffer = EMPTY
  #at = 0
  #long = false

  constructor(out: OutQueue) {
    this.#out = out
  }

  set tableSize(bytes: number) {
    if (this.#encoder === undefined) this.#tableSize = bytes
    else this.#encoder.resize(bytes)
  }

  /** A response's section; `length` for Content-Length, -1 for none. Returns where its frame begins. */
  response(streamId: number, status: number, fields: string, length: number): number {
    const encoder = this.#begin(encodedBound(fields))
    const at = encoder.lines(this.#buffer, encoder.status(this.#buffer, this.#at, status), fields)
    this.#at = length < 0 ? at : encoder.length(this.#buffer, at, length)
    return this.#end(streamId, false)
  }

  /** `pseudo`: name, value, name, value … */
  request(streamId: number, pseudo: readonly string[], fields: string, endStream: boolean): number {
    let bound = encodedBound(fields)
    for (const text of pseudo) bound += text.length + 8
    const encoder = this.#begin(bound)
    for (let i = 0; i < pseudo.length; i += 2) this.#pseudo(encoder, pseudo[i]!, pseudo[i + 1]!)
    this.#at = encoder.lines(this.#buffer, this.#at, fields)
    return this.#end(streamId, endStream)
  }

  /** Trailers; an empty section is not written. */
  trailers(streamId: number, fields: string): number {
    const encoder = this.#begin(encodedBound(fields))
    this.#at = encoder.lines(this.#buffer, this.#at, fields)
    return this.#end(streamId, true)
  }

  #pseudo(encoder: Encoder, name: string, value: string): void {
    const index = STATIC_PAIRS.get(value)
    if (index !== undefined && index[0] === name) {
      this.#at = encoder.indexed(this.#buffer, this.#at, index[1])
    } else this.#at = encoder.field(this.#buffer, this.#at, name, value)
  }

  #begin(bound: number): Encoder {
    let encoder = this.#encoder
    if (encoder === undefined) {
      encoder = this.#encoder = new Encoder()
      if (this.#tableSize !== -1) encoder.resize(this.#tableSize)
    }
    this.#long = bound > LEAST_FRAME_SIZE
    if (this.#long) {
      this.#buffer = Buffer.allocUnsafe(bound)
      this.#at = 0
    } else {
      this.#out.reserve(FRAME_HEAD + bound)
      this.#buffer = this.#out.buffer
      this.#at = this.#out.at + FRAME_HEAD
    }
    this.#at = encoder.begin(this.#buffer, this.#at)
    return encoder
  }

  #end(streamId: number, endStream: boolean): number {
    const buffer = this.#buffer
    this.#buffer = EMPTY
    if (this.#long) {
      writeLongHeaders(this.#out, streamId, buffer, this.#at, endStream, LEAST_FRAME_SIZE)
      return -1
    }
    const out = this.#out
    const begin = out.at
    const flags = endStream ? FLAG_END_HEADERS | FLAG_END_STREAM : FLAG_END_HEADERS
    putHead(buffer, begin, this.#at - begin - FRAME_HEAD, HEADERS, flags, streamId)
    const position = out.position
    out.at = this.#at
    return position
  }
}

const EMPTY = Buffer.alloc(0)

/** Pseudo-fields of a request that are one index of the static table. */
const STATIC_PAIRS: ReadonlyMap<string, readonly [name: string, index: number]> = new Map([
  ['GET', [':method', 2]],
  ['POST', [':method', 3]],
  ['/', [':path', 4]],
  ['http', [':scheme', 6]],
  ['https', [':scheme', 7]]
])
