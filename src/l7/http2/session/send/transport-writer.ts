import type { Transport } from '../../../../net/transport/transport.ts'
import { giveChunk } from '../../frames/chunk-pool.ts'
import type { OutQueue } from '../../frames/out-queue.ts'

const WORTH_COPYING = 16_384
/** Stands for a chunk when the transport asks to wait but holds no chunk of ours. */
const NOTHING = Buffer.alloc(0)

/**
 * Writes what a session left in `out`, chunk by chunk. While the transport holds a chunk it gets no more: the session
 * keeps filling its own, so that the next write is a large one.
 */
export class TransportWriter {
  readonly #transport: Transport
  readonly #out: OutQueue
  /** Chunks that the transport still refers to. */
  #lent: Buffer[] = []
  #keepsTaken = false
  /** When a peer that does not read is given up; 0 while nothing waits. */
  #readBy = 0

  constructor(transport: Transport, out: OutQueue) {
    this.#transport = transport
    this.#out = out
  }

  /** The transport holds something; call `drained` from its `onDrain`. */
  get blocked(): boolean {
    return this.#lent.length > 0
  }

  /** Until when the peer has to read: `until` of the first call since it last did, so that its PINGs gain it no time. */
  readBy(until: number): number {
    if (this.#readBy === 0) this.#readBy = until
    return this.#readBy
  }

  /** Writes as much as the transport takes. False when it still holds some. */
  flush(): boolean {
    const transport = this.#transport
    while (!this.blocked && !transport.closed) {
      const chunk = this.#out.shift()
      if (chunk === undefined) return true
      // TLS encrypts at once, which is a copy, unless a write is under way already.
      const copied = transport.copiesAtOnce && transport.pending === 0
      const bytes = chunk.buffer.subarray(0, chunk.end)
      // A socket of Node keeps a reference to what it has taken, without saying until when: small pieces are copied for
      // it.
      const copies = this.#keepsTaken && chunk.end <= WORTH_COPYING
      const taken = transport.sendOwned(copies ? Buffer.from(bytes) : bytes)
      if (copied || copies || (taken && transport.pending === 0)) giveChunk(chunk.buffer)
      else if (!taken || transport.copiesAtOnce) this.#lent.push(chunk.buffer)
      else this.#keepsTaken = true
      if (!taken && copies) this.#lent.push(NOTHING)
    }
    return !this.blocked
  }

  /** The transport's `onDrain`. */
  drained(): void {
    this.#readBy = 0
    if (this.#transport.pending > 0) return
    for (const chunk of this.#lent) if (chunk !== NOTHING) giveChunk(chunk)
    this.#lent = []
  }

  /** The transport has closed: the chunks that it held are left to the garbage collector. */
  drop(): void {
    this.#lent = []
    this.#out.clear()
  }
}
