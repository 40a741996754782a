import type { Clock } from '../../../core/clock.ts'
import { guarded, type Contained } from '../../../core/containment.ts'
import type { RecordWriter } from '../../cache/ports.ts'
import type { BodyOutput, BodyTransform } from '../../exchange/body-chain.ts'
import { encodedTrailers } from './encoded-fields.ts'
import type { Compressor } from './encoders.ts'

/** How long bytes wait for more before they are flushed, so that a slow body is not held back. */
const FLUSH_MS = 30

export interface StreamEncoderDeps {
  readonly compressor: Compressor
  readonly flushKind: number
  /** Flush after each read: mostly one event. */
  readonly events: boolean
  readonly clock: Clock
  readonly owner: Contained
  readonly output: BodyOutput
  /** Where the result is stored too. */
  readonly copy?: RecordWriter | undefined
}

/** Compresses a body while it passes, off this thread, at the client's pace. */
export class StreamEncoder implements BodyTransform {
  readonly #deps: StreamEncoderDeps
  readonly #compressor: Compressor
  #copy: RecordWriter | undefined
  #trailers = ''
  /** Writes and flushes that the compressor has not finished. */
  #underWay = 0
  /** Something has been written since the last flush. */
  #unflushed = false
  #flushing = false
  #full = false
  #ending = false
  #cancelFlush: (() => void) | undefined

  constructor(deps: StreamEncoderDeps) {
    this.#deps = deps
    const { compressor, owner, output } = deps
    this.#compressor = compressor
    this.#copy = deps.copy
    compressor.on('data', (bytes: Buffer) =>
      guarded(() => {
        if (this.#copy?.write(bytes) === false) this.#copy = undefined
        if (!output.write(bytes)) compressor.pause()
      }, owner)
    )
    compressor.on('drain', () =>
      guarded(() => {
        if (!this.#full) return
        this.#full = false
        output.ready()
      }, owner)
    )
    compressor.on('end', () =>
      guarded(() => {
        this.#copy?.finish()
        this.#copy = undefined
        output.end(this.#trailers)
      }, owner)
    )
    compressor.on('error', (error) => guarded(() => this.#fail(error), owner))
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    this.#unflushed = true
    this.#underWay++
    // The bytes are valid during this call only.
    if (this.#compressor.write(Buffer.from(buffer.subarray(start, end)), this.#finished)) return true
    this.#full = true
    return false
  }

  flush(): void {
    if (!this.#unflushed || this.#ending) return
    if (this.#deps.events) return this.#flushNow()
    this.#cancelFlush ??= this.#deps.clock.after(FLUSH_MS, () => {
      this.#cancelFlush = undefined
      if (this.#unflushed && !this.#ending) this.#flushNow()
    })
  }

  /** One flush at a time: bytes that come meanwhile go with the next. */
  #flushNow(): void {
    if (this.#flushing) return
    this.#flushing = true
    this.#unflushed = false
    this.#underWay++
    this.#compressor.flush(this.#deps.flushKind, () => {
      this.#finished()
      this.#flushing = false
      if (this.#unflushed && !this.#ending) this.flush()
    })
  }

  end(trailers: string): void {
    this.#ending = true
    this.#trailers = encodedTrailers(trailers)
    this.#cancelFlush?.()
    if (this.#underWay === 0) this.#compressor.end()
  }

  /**
   * Node ends the data with the last write that waits, and once more behind it: zstd then appends an empty frame, at which some
   * clients fail. Therefore the end comes when nothing waits.
   */
  readonly #finished = (): void => {
    if (--this.#underWay === 0 && this.#ending && !this.#compressor.destroyed) this.#compressor.end()
  }

  #fail(error: unknown): void {
    this.#copy?.abort()
    this.#copy = undefined
    this.#deps.output.fail(error)
  }

  onDrain(): void {
    this.#compressor.resume()
  }

  abort(): void {
    this.#ending = true
    this.#cancelFlush?.()
    this.#copy?.abort()
    this.#copy = undefined
    this.#compressor.destroy()
  }
}
