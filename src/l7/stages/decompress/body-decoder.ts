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
import { decoderMemory, type DecoderRoom, type Decoding } from './decoder-room.ts'

/** Bodies up to this size are accepted whatever their ratio: they cannot be bombs. */
const FREE_BYTES = 1_048_576
const CHUNK_BYTES = 65_536
const TRAILING = 'something follows the end of the encoded data'
/** Bytes that wait for the decoder before the client is held. */
const QUEUE_BYTES = 16_384
/** RFC 8878 §3: zstd frames may follow one another. Each takes a decoder: so many, and one more for each KiB. */
const FREE_FRAMES = 64
const FRAME_BYTES = 1_024

export interface BodyDecoderDeps {
  readonly coding: Coding
  readonly limits: { readonly maxBytes: number; readonly ratio: number }
  readonly owner: Contained
  readonly output: BodyOutput
  readonly room: DecoderRoom
  now(): number
  /** The body was decoded completely; it would have become too large. */
  decoded(): void
  refuse(reason: string): void
  /** Others wait for its memory. `blocked`: it waits for the backend, not for the client. */
  giveUp(blocked: boolean): void
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
export class BodyDecoder implements BodyTransform, Decoding {
  seat = -1
  held = 0
  readonly since: number
  readonly #deps: BodyDecoderDeps
  /** Created with the first byte. */
  #stream: Stream | undefined
  /** Its present chunk, and those that wait behind it. */
  #chunk: Buffer | undefined
  #before = 0
  #queue: Buffer[] = []
  #queued = 0
  /** What is left of the chunk in which the encoded data ended. */
  #rest: Buffer | undefined
  #frames = 0
  #in = 0
  #out = 0
  #trailers = ''
  #full = false
  #blocked = false
  #sourceEnded = false
  #over = false

  constructor(deps: BodyDecoderDeps) {
    this.#deps = deps
    this.since = deps.now()
    deps.room.enter(this, decoderMemory(deps.coding, 0))
  }

  get received(): number {
    return this.#in
  }

  get blocked(): boolean {
    return this.#blocked
  }

  giveUp(): void {
    this.abort()
    this.#deps.giveUp(this.#blocked)
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    if (this.#over || start === end) return true
    this.#in += end - start
    // The bytes are valid during this call only.
    this.#queue.push(Buffer.from(buffer.subarray(start, end)))
    this.#queued += end - start
    this.#feed()
    this.#full = this.#queued >= QUEUE_BYTES
    return !this.#full
  }

  end(trailers: string): void {
    if (this.#over) return
    this.#trailers = trailers
    this.#sourceEnded = true
    this.#feed()
  }

  onDrain(): void {
    this.#blocked = false
    this.#stream?.resume()
  }

  abort(): void {
    this.#over = true
    this.#stream?.destroy()
    this.#queue = []
    this.#deps.room.leave(this)
  }

  #open(): Stream {
    const { coding, owner } = this.#deps
    const stream = make[coding]()
    this.#frames++
    stream.on('data', (bytes: Buffer) => guarded(() => this.#give(stream, bytes), owner))
    stream.on('end', () => guarded(() => this.#end(stream), owner))
    stream.on('error', (error) => guarded(() => stream === this.#stream && this.#fail(error), owner))
    return stream
  }

  /** One chunk at a time, so that what follows the end of the encoded data is still at hand. */
  #feed(): void {
    if (this.#over || this.#chunk !== undefined || this.#rest !== undefined) return
    const chunk = this.#queue.shift()
    if (chunk === undefined && !this.#sourceEnded) return
    const stream = (this.#stream ??= this.#open())
    if (chunk === undefined) return void stream.end()
    this.#chunk = chunk
    this.#before = stream.bytesWritten
    stream.write(chunk, () => guarded(() => this.#fed(stream, chunk), this.#deps.owner))
  }

  /** Told of by the callback of the write, or by the end of the stream, which may come first. */
  #fed(stream: Stream, chunk: Buffer): void {
    if (this.#over || chunk !== this.#chunk) return
    this.#chunk = undefined
    this.#queued -= chunk.length
    const taken = stream.bytesWritten - this.#before
    // The end of the stream follows, behind what it still has to put out.
    if (taken < chunk.length) this.#rest = chunk.subarray(taken)
    else this.#feed()
    if (!this.#full || this.#queued >= QUEUE_BYTES) return
    this.#full = false
    this.#deps.output.ready()
  }

  #give(stream: Stream, bytes: Buffer): void {
    if (this.#over) return
    this.#out += bytes.length
    const { limits, output, refuse, room, coding, now } = this.#deps
    const tooLong = this.#out > limits.maxBytes
    if (tooLong || (this.#out > FREE_BYTES && this.#out > limits.ratio * this.#in)) {
      this.abort()
      return refuse(
        tooLong ? 'the body is longer than maxBytes' : 'the body is more than ratio times as long'
      )
    }
    room.resize(this, decoderMemory(coding, this.#out), now())
    if (this.#over || output.write(bytes)) return
    this.#blocked = true
    stream.pause()
  }

  /** The decoder has reached the end of its data. */
  #end(stream: Stream): void {
    if (this.#over || stream !== this.#stream) return
    if (this.#chunk !== undefined) this.#fed(stream, this.#chunk)
    const rest = this.#rest
    if (rest === undefined && this.#sourceEnded) return this.#finish()
    const most = FREE_FRAMES + this.#in / FRAME_BYTES
    if (rest === undefined || this.#deps.coding !== 'zstd' || this.#frames >= most)
      return this.#fail(new Error(TRAILING))
    stream.destroy()
    this.#stream = this.#rest = undefined
    this.#queue.unshift(rest)
    this.#queued += rest.length
    this.#feed()
  }

  #fail(error: unknown): void {
    if (this.#over) return
    this.abort()
    this.#deps.output.fail(error)
  }

  #finish(): void {
    if (this.#over) return
    this.abort()
    this.#deps.decoded()
    this.#deps.output.end(this.#trailers)
  }
}
