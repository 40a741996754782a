import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress
} from 'node:zlib'
import { guarded, type Contained } from '../../../core/containment.ts'
import type { BodyOutput, BodyTransform } from '../../exchange/body-chain.ts'
import type { Coding } from '../compress/accept-encoding.ts'

/** Bodies up to this size are accepted whatever their ratio: they cannot be bombs. */
const FREE_BYTES = 1_048_576
const CHUNK_BYTES = 65_536
const TRAILING = 'something follows the end of the encoded data'

export interface BodyDecoderParts {
  readonly coding: Coding
  readonly limits: { readonly maxBytes: number; readonly ratio: number }
  readonly owner: Contained
  readonly output: BodyOutput
  /** The body was decoded completely; it would have become too large. */
  decoded(): void
  refuse(reason: string): void
}

/**
 * RFC 9659 §3: senders use windows of at most 8 MB. Without a limit, a frame of 14 bytes may ask for 128 MB of memory.
 */
const ZSTD_WINDOW_LOG = 23

const options = { chunkSize: CHUNK_BYTES }
const make = {
  gzip: () => createGunzip(options),
  deflate: () => createInflate(options),
  br: () => createBrotliDecompress(options),
  zstd: () =>
    createZstdDecompress({ ...options, params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG } })
}
type Stream = ReturnType<(typeof make)[Coding]>

/** Decodes a body as it comes, off this thread, within bounds. It holds one chunk of decoded bytes. */
export class BodyDecoder implements BodyTransform {
  readonly #parts: BodyDecoderParts
  /** Created with the first byte. */
  #stream: Stream | undefined
  #in = 0
  #out = 0
  #trailers = ''
  #full = false
  #sourceEnded = false
  #ended = false
  #over = false

  constructor(parts: BodyDecoderParts) {
    this.#parts = parts
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    if (this.#over || start === end) return true
    this.#in += end - start
    if (this.#ended) {
      this.#fail(new Error(TRAILING))
      return true
    }
    // The bytes are valid during this call only.
    if ((this.#stream ??= this.#open()).write(Buffer.from(buffer.subarray(start, end)))) return true
    this.#full = true
    return false
  }

  end(trailers: string): void {
    if (this.#over) return
    this.#trailers = trailers
    this.#sourceEnded = true
    if (this.#ended) this.#finish()
    else (this.#stream ??= this.#open()).end()
  }

  onDrain(): void {
    this.#stream?.resume()
  }

  abort(): void {
    this.#over = true
    this.#stream?.destroy()
  }

  #open(): Stream {
    const { coding, owner, output } = this.#parts
    const stream = make[coding]()
    stream.on('data', (bytes: Buffer) => guarded(() => this.#give(stream, bytes), owner))
    stream.on('drain', () =>
      guarded(() => {
        if (!this.#full) return
        this.#full = false
        output.ready()
      }, owner)
    )
    stream.on('end', () => guarded(() => this.#end(stream), owner))
    stream.on('error', (error) => guarded(() => this.#fail(error), owner))
    return stream
  }

  #give(stream: Stream, bytes: Buffer): void {
    if (this.#over) return
    this.#out += bytes.length
    const { limits, output, refuse } = this.#parts
    const tooLong = this.#out > limits.maxBytes
    if (tooLong || (this.#out > FREE_BYTES && this.#out > limits.ratio * this.#in)) {
      this.abort()
      return refuse(
        tooLong ? 'the body is longer than maxBytes' : 'the body is more than ratio times as long'
      )
    }
    if (!output.write(bytes)) stream.pause()
  }

  /** The decoder has reached the end of its data; later bytes from the source do not belong to it. */
  #end(stream: Stream): void {
    if (this.#over) return
    this.#ended = true
    if (stream.bytesWritten < this.#in) this.#fail(new Error(TRAILING))
    else if (this.#sourceEnded) this.#finish()
    else if (this.#full) {
      this.#full = false
      this.#parts.output.ready()
    }
  }

  #fail(error: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#parts.output.fail(error)
  }

  #finish(): void {
    if (this.#over) return
    this.#over = true
    this.#parts.decoded()
    this.#parts.output.end(this.#trailers)
  }
}
