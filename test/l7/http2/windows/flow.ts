import { patternOf } from './peer.ts'

/** How the bytes of a stream are handed over. */
export type Way = 'copied' | 'owned' | 'text'

/** What lb's side of a stream does with it: an exchange, or a request that is forwarded. */
export interface Handle {
  send(bytes: Buffer, way: Way): void
  end(): void
  /** False: wait for `drained`. */
  flush(): boolean
  pause(): void
  resume(): void
}

/** One stream as its user in lb sees it, who heeds what he is told and checks what he gets. */
export class Flow {
  readonly wrong: string[] = []
  id = 0
  handle!: Handle
  sent = 0
  ends = false
  /** Told to wait. */
  waits = false
  received = 0
  heardEnd = false
  /** Does not read. */
  holds = false
  gone = false
  /** Sent within `drained`, as a source does that held something. */
  readonly #atOnce: number[] = []

  /** Where the source has to wait, the bytes go out when it may go on. */
  piece(size: number, way: Way): void {
    if (this.gone || this.ends) return
    if (this.waits) {
      this.#atOnce.push(size)
      return
    }
    this.#send(size, way)
  }

  end(): void {
    if (this.gone || this.ends) return
    this.ends = true
    while (this.#atOnce.length > 0) this.#bytes(this.#atOnce.shift()!, 'copied')
    this.handle.end()
  }

  drained(): void {
    if (!this.waits && !this.ends) this.wrong.push(`${this.id}: drained without a wait`)
    this.waits = false
    while (!this.waits && this.#atOnce.length > 0) this.#send(this.#atOnce.shift()!, 'copied')
  }

  data(buffer: Buffer, start: number, end: number): void {
    if (this.holds) this.wrong.push(`${this.id}: bytes while it does not read`)
    if (!buffer.subarray(start, end).equals(patternOf(this.id, this.received, end - start)))
      this.wrong.push(`${this.id}: other bytes from ${this.received}`)
    this.received += end - start
  }

  hold(holds: boolean): void {
    if (this.gone || this.heardEnd || this.holds === holds) return
    this.holds = holds
    if (holds) this.handle.pause()
    else this.handle.resume()
  }

  #send(size: number, way: Way): void {
    this.#bytes(size, way)
    this.waits = !this.handle.flush()
  }

  #bytes(size: number, way: Way): void {
    const bytes = patternOf(this.id, this.sent, size)
    this.sent += size
    this.handle.send(bytes, way)
    // The bytes of a read are another's afterwards.
    if (way === 'copied') bytes.fill(0)
  }
}
