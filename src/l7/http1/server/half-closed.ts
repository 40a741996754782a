import type { ResponseWriter } from '../write/message-writer.ts'

/** Time between a client's FIN and the first check whether it is still there, and between checks. */
const LOOK_MS = 250
/**
 * During a body of known length nothing can be sent to check; a client is given up when such a body makes no progress
 * for this long.
 */
const STALLED_MS = 3_000

/**
 * A client has sent FIN behind its request. Either it still reads (`printf … | nc host 80`), and gets its answer
 * however long that takes; or it is gone, and then its kernel answers the next bytes with a reset. The bytes sent to
 * find out are those that come next in any case: the first half of "HTTP/1.1 ", then the second, whose write fails if
 * the socket was reset.
 */
export class HalfClosed {
  /** When to check next; Infinity: never. */
  lookAt: number
  #bytesBefore = -1

  constructor(now: number) {
    this.lookAt = now + LOOK_MS
  }

  /**
   * `inBody`: the head of the response has been sent; `bytes`: sent so far. Returns when to check next; 0: the client
   * is gone.
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
