import { LINGER_MOST_MS, LINGER_MS } from '../../exchange/client/patience.ts'
import type { Stream } from '../session/stream/stream.ts'

/**
 * The time in which a client may send the rest of a request that has been answered, as over HTTP/1.1. Java's HttpClient and httpx
 * look for the response only behind the request's body, and curl up to 8 loses one that RST_STREAM follows at once.
 */
export class LateEnd {
  readonly #until: number

  /** `mostMs`: how long it may go on sending; 0 for who was too slow with it (RFC 9110 §15.5.9). */
  constructor(now: number, mostMs = LINGER_MOST_MS) {
    this.#until = now + mostMs
  }

  /** The next deadline, or undefined: its time is over. `hurries`: who still sends gets no more time than others. */
  next(stream: Stream, hurries: boolean, now: number): number | undefined {
    if (!stream.dropped || hurries || now >= this.#until) return undefined
    stream.dropped = false
    return now + LINGER_MS
  }
}
