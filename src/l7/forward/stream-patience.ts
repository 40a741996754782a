import { isEventStream } from '../message/event-stream.ts'
import type { Response } from '../message/response.ts'
import type { UpstreamTimes } from './upstreams.ts'

/**
 * An event stream may be silent for longer than other bodies. Asked only once a response has been silent for `idleMs`, so that
 * the others pay nothing for it.
 */
export class StreamPatience {
  #usedAt = -1

  /** How much longer a response is waited for, in ms; 0: no longer. `bytes`: came so far on the connection. */
  more(head: Response | undefined, { idleMs, streamMs }: UpstreamTimes, bytes: number): number {
    if (head === undefined || this.#usedAt === bytes || !isEventStream(head.headers)) return 0
    this.#usedAt = bytes
    return streamMs - idleMs
  }
}
