import type { Clock } from '../../../core/clock.ts'
import { guarded, type Contained } from '../../../core/containment.ts'
import type { BodyOutput, BodyTransform } from '../../exchange/body-chain.ts'
import { BodyBuffers } from './body-buffers.ts'
import { encodedTrailers } from './encoded-fields.ts'

/** How long a body may take to arrive before its head is sent without it. */
const PATIENCE_MS = 30

export interface WholeEncoderDeps {
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
  readonly #deps: WholeEncoderDeps
  #gathered: Buffer | undefined
  #at = 0
  #done = false
  #stream: BodyTransform | undefined
  #cancelWait: (() => void) | undefined

  constructor(deps: WholeEncoderDeps) {
    this.#deps = deps
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    if (this.#stream !== undefined) return this.#stream.write(buffer, start, end)
    const { length, most } = this.#deps
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
      this.#cancelWait ??= this.#deps.clock.after(PATIENCE_MS, () =>
        guarded(() => this.#tooSlow(), this.#deps.owner)
      )
  }

  end(trailers: string): void {
    this.#cancelWait?.()
    if (this.#stream !== undefined) return this.#stream.end(trailers)
    const kept = encodedTrailers(trailers)
    if (!this.#done) {
      // Trailers need chunked coding.
      if (kept !== '') this.#deps.output.begin()
      this.#give(this.#gathered?.subarray(0, this.#at) ?? EMPTY)
    }
    this.#deps.output.end(kept)
  }

  onDrain(): void {
    if (this.#stream !== undefined) this.#stream.onDrain?.()
    else this.#deps.output.ready()
  }

  abort(): void {
    this.#cancelWait?.()
    this.#recycle()
    this.#stream?.abort?.()
  }

  /** A body of known length is small, so wait for it. */
  #tooSlow(): void {
    if (this.#done || this.#stream !== undefined) return
    this.#deps.output.begin()
    if (this.#deps.length >= 0) return
    this.#goOn()
    this.#stream!.flush?.()
  }

  #goOn(): void {
    this.#cancelWait?.()
    this.#stream = this.#deps.stream()
    if (this.#at > 0) this.#stream.write(this.#gathered!, 0, this.#at)
    this.#recycle()
  }

  #makeRoom(bytes: number): void {
    const gathered = this.#gathered
    if (gathered !== undefined && gathered.length >= bytes) return
    const larger = buffers.take(Math.max(bytes, this.#deps.length))
    gathered?.copy(larger, 0, 0, this.#at)
    this.#recycle()
    this.#gathered = larger
  }

  #give(bytes: Buffer): void {
    this.#done = true
    this.#cancelWait?.()
    const { compress, output } = this.#deps
    compress(bytes, (encoded) => output.whole(encoded))
    this.#recycle()
  }

  #recycle(): void {
    if (this.#gathered !== undefined) buffers.give(this.#gathered)
    this.#gathered = undefined
  }
}

const EMPTY = Buffer.alloc(0)
