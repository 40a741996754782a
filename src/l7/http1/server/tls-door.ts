import { contain } from '../../../core/containment.ts'
import { Roster } from '../../../core/roster.ts'
import type { Deadlines, Waits } from '../../../core/deadlines.ts'
import type { Endpoint } from '../../../net/dial/endpoint.ts'
import type { Handshake } from '../../../net/tls/handshake.ts'
import type { TlsServer } from '../../../net/tls/tls-server.ts'
import type { Refusals } from '../../refusals.ts'
import type { Transport, TransportOwner } from '../../../net/transport/transport.ts'

export interface DoorHost {
  readonly refusals: Pick<Refusals, 'unsecured'>
  /** The answer, head and body, to a request in clear text on a TLS port. */
  clearTextAnswer(): string
}

const byPlace = {
  get: (handshake: Handshake) => handshake.place,
  set: (handshake: Handshake, at: number) => {
    handshake.place = at
  }
}

/** The TLS handshakes of one listener. */
export class TlsDoor {
  readonly #host: DoorHost
  readonly #deadlines: Deadlines
  readonly #shaking = new Roster<Handshake>(byPlace)

  constructor(host: DoorHost, deadlines: Deadlines) {
    this.#host = host
    this.#deadlines = deadlines
  }

  get size(): number {
    return this.#shaking.size
  }

  /** Calls `secured` with the connection under TLS, or `gone` if the handshake fails. */
  secure(
    tls: TlsServer,
    transport: Transport,
    rest: Buffer | undefined,
    client: Endpoint | undefined,
    secured: (transport: Transport) => void,
    gone: () => void
  ): void {
    // The handshake may fail before `secure` returns it.
    let over = false
    const handshake: Handshake = tls.secure(transport, rest, (under, failed) => {
      if (over) this.#shaking.delete(handshake)
      over = true
      if (under !== undefined) return this.#pass(under, secured, gone)
      gone()
      this.#host.refusals.unsecured(failed!, client)
      if (failed!.clear !== undefined) new ClearTextAnswer(failed!.clear, this.#deadlines, this.#host)
    })
    if (!over) this.#shaking.add(handshake)
    over = true
  }

  /** If the engine throws, this connection is closed and its counts are released. */
  #pass(under: Transport, secured: (transport: Transport) => void, gone: () => void): void {
    try {
      secured(under)
    } catch (error) {
      contain(error)
      gone()
      under.reset()
    }
  }

  /** Ends all handshakes under way. */
  destroy(): void {
    for (const handshake of this.#shaking.toArray()) {
      this.#shaking.delete(handshake)
      handshake.cancel()
    }
  }
}

/** How long the client may take to read the answer. */
const LINGER_MS = 2_000

/**
 * Answers a client that speaks HTTP on a TLS port, and then reads on for a while: closing at once could take the answer
 * away from it.
 */
class ClearTextAnswer implements TransportOwner, Waits {
  deadline: number
  readonly #transport: Transport
  readonly #deadlines: Deadlines

  constructor(transport: Transport, deadlines: Deadlines, host: DoorHost) {
    this.#transport = transport
    this.#deadlines = deadlines
    this.deadline = deadlines.now + LINGER_MS
    deadlines.add(this)
    transport.owner = this
    transport.sendText(host.clearTextAnswer())
    transport.end()
    transport.resume()
  }

  onData(): void {}
  onDrain(): void {}

  onEnd(): void {
    this.#transport.destroy()
  }

  onClose(): void {
    this.#deadlines.remove(this)
  }

  onDeadline(): void {
    this.#transport.destroy()
  }
}
