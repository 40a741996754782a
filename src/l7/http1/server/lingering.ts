import type { Transport } from '../../../net/transport/transport.ts'
import { LINGER_MOST_MS, LINGER_MS } from '../../exchange/client/patience.ts'

/**
 * The time after the last response: lb sends FIN, then discards what the client still sends for a while. Closing with
 * unread bytes would send a RST, which can take the response away from the client (RFC 9112 §9.6). While bytes wait to
 * be sent, the usual timeout for a client that reads nothing applies; once the kernel has them all, the client has
 * LINGER_MS to close, or LINGER_MOST_MS while it sends: many read the response only behind their upload. This is
 * checked by time, because over TLS every write is pending for a moment, and no drain event follows.
 */
export class Lingering {
  readonly #transport: Transport
  #sent: number
  #received: number
  readonly #begunAt: number
  #movedAt: number
  #waited = false

  constructor(transport: Transport, now: number) {
    this.#transport = transport
    this.#sent = this.#taken
    this.#received = transport.bytesIn
    this.#begunAt = now
    this.#movedAt = now
  }

  /**
   * Call it LINGER_MS after the start, and then at the time that it returned. Closes the connection when the time is
   * over. `hurries`: who still sends gets no more time than others.
   */
  look(idleMs: number, hurries: boolean, now: number): number {
    const sent = this.#taken
    if (sent > this.#sent) this.#movedAt = now
    this.#sent = sent
    const waits = this.#transport.pending > 0
    const { bytesIn } = this.#transport
    const sends = bytesIn > this.#received && !hurries && now - this.#begunAt < LINGER_MOST_MS
    this.#received = bytesIn
    // The last bytes may have been sent just now.
    const over = waits ? now - this.#movedAt >= idleMs : !this.#waited && !sends
    this.#waited = waits
    if (over) this.#transport.destroy()
    return over ? Infinity : now + LINGER_MS
  }

  /** Bytes that the kernel accepted. */
  get #taken(): number {
    return this.#transport.bytesOut - this.#transport.pending
  }
}
