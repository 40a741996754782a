import type { Transport } from '../../../net/transport/transport.ts'
import { giveChunk } from '../frames/chunk-pool.ts'
import type { OutQueue } from '../frames/out-queue.ts'

/**
 * Writes what a session left in `out`, chunk by chunk. While the transport holds a chunk nothing more is given to it: the
 * session goes on filling its own, so that the next write is a large one.
 */
export class TransportWriter {
  readonly #transport: Transport
  readonly #out: OutQueue
  /** Chunks that the transport still refers to. */
  #lent: Buffer[] = []

  constructor(transport: Transport, out: OutQueue) {
    this.#transport = transport
    this.#out = out
  }

  /** The transport holds something; `drained` is to be called from `onDrain`. */
  get blocked(): boolean {
    return this.#lent.length > 0
  }

  /** Writes as much as the transport takes. False: it holds some of it. */
  flush(): boolean {
    const transport = this.#transport
    while (!this.blocked && !transport.closed) {
      const chunk = this.#out.shift()
      if (chunk === undefined) return true
      // TLS encrypts at once, which is a copy, unless a write is under way already.
      const copied = transport.copiesAtOnce && transport.pending === 0
      const taken = transport.sendOwned(chunk.buffer.subarray(0, chunk.end))
      if (copied || (taken && transport.pending === 0)) giveChunk(chunk.buffer)
      else this.#lent.push(chunk.buffer)
    }
    return !this.blocked
  }

  /** The transport's `onDrain`. */
  drained(): void {
    if (this.#transport.pending > 0) return
    for (const chunk of this.#lent) giveChunk(chunk)
    this.#lent = []
  }

  /** The transport has closed: what it held is the collector's. */
  drop(): void {
    this.#lent = []
    this.#out.clear()
  }
}
