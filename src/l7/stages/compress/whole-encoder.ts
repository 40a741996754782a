import type { Clock } from '../../../core/clock.ts'
import { guarded, type Contained } from '../../../core/containment.ts'
import type { BodyOutput, BodyTransform } from '../../exchange/body-chain.ts'
import { BodyBuffers } from './body-buffers.ts'
import { encodedTrailers } from './encoded-fields.ts'

/** How long a body may take to arrive before its head is sent without it. */
const PATIENCE_MS = 30

export interface WholeEncoderParts {
  /** Length of the body; -1 when unknown. */
  readonly length: number
  /** Longer bodies are left to `stream`. */
  readonly most: number
  /** Compresses a complete body; `take` returns true when it has finished with the bytes. */
  readonly compress: (bytes: Buffer, take: (encoded: Buffer) => boolean) => void
  /** Compresses a body that turns out to be long, or slow. */
  readonly stream: () => BodyTransform
  readonly clock: Clock
  readonly owner: Contained
  readonly output: BodyOutput
}

/** The buffers of this thread. */
const buffers = new BodyBuffers()

/** Gathers a small body and outputs it compressed, in one piece. */
export class WholeEncoder implements BodyTransform {
  readonly #parts: WholeEncoderParts
  #gathered: Buffer | undefined
  #at = 0
  #done = false
  #stream: BodyTransform | undefined
  #cancelWait: (() => void) | undefined

  constructor(parts: WholeEncoderParts) {
    this.#parts = parts
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    if (this.#stream !== undefined) return this.#stream.write(buffer, start, end)
    const { length, most } = this.#parts
    const whole = this.#at + end - start
    if (this.#done) throw new Error('a body is longer than its head says')
    if (whole > most) {
      this.#goOn()
      return this.#stream!.write(buffer, start, end)
    }
    if (this.#at === 0 && whole === length) {
      this.#at = whole
      this.#give(buffer.subarray(start, end))
      return true
    }
    this.#makeRoom(whole)
    this.#at += buffer.copy(this.#gathered!, this.#at, start, end)
    return true
  }

  flush(): void {
    if (this.#stream !== undefined) this.#stream.flush?.()
    else if (!this.#done)
      this.#cancelWait ??= this.#parts.clock.after(PATIENCE_MS, () =>
        guarded(() => this.#tooSlow(), this.#parts.owner)
      )
  }

  end(trailers: string): void {
    this.#cancelWait?.()
    if (this.#stream !== undefined) return this.#stream.end(trailers)
    const kept = encodedTrailers(trailers)
    if (!this.#done) {
      // Trailers need chunked coding.
      if (kept !== '') this.#parts.output.begin()
      this.#give(this.#gathered?.subarray(0, this.#at) ?? EMPTY)
    }
    this.#parts.output.end(kept)
  }

  onDrain(): void {
    if (this.#stream !== undefined) this.#stream.onDrain?.()
    else this.#parts.output.ready()
  }

  abort(): void {
    this.#cancelWait?.()
    this.#recycle()
    this.#stream?.abort?.()
  }

  /** A body of known length is small, so wait for it. */
  #tooSlow(): void {
    if (this.#done || this.#stream !== undefined) return
    this.#parts.output.begin()
    if (this.#parts.length >= 0) return
    this.#goOn()
    this.#stream!.flush?.()
  }

  #goOn(): void {
    this.#cancelWait?.()
    this.#stream = this.#parts.stream()
    if (this.#at > 0) this.#stream.write(this.#gathered!, 0, this.#at)
    this.#recycle()
  }

  #makeRoom(bytes: number): void {
    const gathered = this.#gathered
    if (gathered !== undefined && gathered.length >= bytes) return
    const larger = buffers.take(Math.max(bytes, this.#parts.length))
    gathered?.copy(larger, 0, 0, this.#at)
    this.#recycle()
    this.#gathered = larger
  }

  #give(bytes: Buffer): void {
    this.#done = true
    this.#cancelWait?.()
    const { compress, output } = this.#parts
    compress(bytes, (encoded) => output.whole(encoded))
    this.#recycle()
  }

  #recycle(): void {
    if (this.#gathered !== undefined) buffers.give(this.#gathered)
    this.#gathered = undefined
  }
}

const EMPTY = Buffer.alloc(0)
