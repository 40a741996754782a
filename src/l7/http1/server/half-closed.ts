import type { ResponseWriter } from '../write/response-writer.ts'

/** Between a client's FIN and the first look at whether it is still there, and from one look to the next. */
const LOOK_MS = 250
/** A body of known length leaves nothing to look with: one that stands still for this long is given up. */
const STALLED_MS = 3_000

/**
 * A client has sent FIN behind its request. Either it reads on (`printf … | nc host 80`), and is answered however long that
 * takes; or it is gone, and then its kernel answers the next bytes with a reset. Those bytes are what comes next in any case:
 * the first half of "HTTP/1.1 ", then the second, which a socket that has been reset refuses.
 */
export class HalfClosed {
  /** When to look next; Infinity: no more. */
  lookAt: number
  #bytesBefore = -1

  constructor(now: number) {
    this.lookAt = now + LOOK_MS
  }

  /**
   * `inBody`: the head of the response has gone out; `bytes`: sent so far. Returns when to look next; 0: the client is given
   * up.
   */
  look(writer: ResponseWriter, inBody: boolean, now: number, bytes: number): number {
    if (writer.sendAhead(inBody)) this.lookAt = now + LOOK_MS
    else if (!inBody || writer.hasAhead) this.lookAt = Infinity
    else if (bytes === this.#bytesBefore) return 0
    else this.lookAt = now + STALLED_MS
    this.#bytesBefore = bytes
    return this.lookAt
  }
}
