import type { Waits } from '../../../core/deadlines.ts'
import type { Transport, TransportOwner } from '../../../net/transport/transport.ts'
import type { Admission } from '../../../net/admission/gate.ts'
import { AcceptedClient } from '../../exchange/client/accepted-client.ts'
import type { ClientConnection, Ends } from '../../exchange/client/client-connection.ts'
import type { EngineContext } from '../../exchange/engine-context.ts'
import { PREFACE } from '../frames/codes.ts'

/** Bytes that distinguish HTTP/2 from every request line: no method begins like this. */
const TOLD_BY = 3

export interface PrefaceHost {
  readonly context: EngineContext
  /** How long a client may send nothing, and how long its first three bytes may take. */
  readonly doorTimes: { readonly idleMs: number; readonly firstMs: number }
  /** The door gets no more calls. `buffer` has the bytes read so far, valid during the call. */
  decided(door: PrefaceDoor, protocol: 'h2' | 'http/1.1', buffer: Buffer, start: number, end: number): void
  closed(door: PrefaceDoor): void
}

/**
 * Distinguishes HTTP/2 with prior knowledge from HTTP/1.1 on one port in clear text (RFC 9113 §3.3), by the first
 * bytes.
 */
export class PrefaceDoor implements TransportOwner, Waits {
  readonly client: ClientConnection
  readonly transport: Transport
  readonly acceptedAt: number
  deadline: number
  readonly #host: PrefaceHost
  /** The addresses that a PROXY header named. */
  readonly ends: Ends | undefined
  #held: Buffer = EMPTY

  constructor(
    host: PrefaceHost,
    attach: (owner: TransportOwner) => Transport,
    admission: Admission | undefined,
    ends: Ends | undefined
  ) {
    this.#host = host
    this.ends = ends
    this.transport = attach(this)
    this.client = new AcceptedClient(this.transport, admission, ends)
    const { deadlines } = host.context
    this.acceptedAt = deadlines.now
    this.deadline = deadlines.now + host.doorTimes.idleMs
    deadlines.add(this)
  }

  /** The client has sent nothing, so nothing is lost by closing. */
  drain(): void {
    this.transport.end()
  }

  destroy(): void {
    this.transport.destroy()
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#held.length > 0) {
      const all = Buffer.concat([this.#held, buffer.subarray(start, end)])
      return this.#decide(all, 0, all.length)
    }
    this.#decide(buffer, start, end)
  }

  onEnd(): void {
    this.transport.destroy()
  }

  onDrain(): void {}

  onClose(): void {
    this.#leave()
    this.#host.closed(this)
  }

  onDeadline(): void {
    this.transport.destroy()
  }

  #decide(buffer: Buffer, start: number, end: number): void {
    const size = Math.min(end - start, TOLD_BY)
    let same = 0
    while (same < size && buffer[start + same] === PREFACE.charCodeAt(same)) same++
    if (same === size && size < TOLD_BY) {
      if (this.#held.length === 0) {
        this.deadline = this.#host.context.deadlines.now + this.#host.doorTimes.firstMs
      }
      this.#held = Buffer.from(buffer.subarray(start, end))
      return
    }
    this.#leave()
    this.#host.decided(this, same === TOLD_BY ? 'h2' : 'http/1.1', buffer, start, end)
  }

  #leave(): void {
    this.#host.context.deadlines.remove(this)
  }
}

const EMPTY = Buffer.alloc(0)
