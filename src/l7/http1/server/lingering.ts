import type { Transport } from '../../../net/transport/transport.ts'
import { LINGER_MS } from './patience.ts'

/**
 * The time behind the last response: FIN, then what the client still sends is thrown away for a while. Closing with unread
 * bytes would send a RST, which takes the response from the client (RFC 9112 §9.6). What waits to be sent has as long as a
 * client may take nothing; once the kernel has it all, the client has LINGER_MS to close. That is looked at by the clock:
 * over TLS each write waits for a moment, and no drain follows.
 */
export class Lingering {
  readonly #transport: Transport
  #sent: number
  #movedAt: number
  #waited = false

  constructor(transport: Transport, now: number) {
    this.#transport = transport
    this.#sent = this.#taken
    this.#movedAt = now
  }

  /** LINGER_MS after the start, and whenever it said: when to look again. Closes the connection when it is over. */
  look(idleMs: number, now: number): number {
    const sent = this.#taken
    if (sent > this.#sent) this.#movedAt = now
    this.#sent = sent
    const waits = this.#transport.pending > 0
    // The last of it may have gone out just now.
    const over = waits ? now - this.#movedAt >= idleMs : !this.#waited
    this.#waited = waits
    if (over) this.#transport.destroy()
    return over ? Infinity : now + LINGER_MS
  }

  /** Bytes that the kernel took. */
  get #taken(): number {
    return this.#transport.bytesOut - this.#transport.pending
  }
}
