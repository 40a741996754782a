import { contain } from '../../../core/containment.ts'
import type { ErrorCode } from '../../../core/errors.ts'
import { Roster } from '../../../core/roster.ts'
import type { Deadlines, Waits } from '../../../core/deadlines.ts'
import type { Handshake } from '../../../net/tls/handshake.ts'
import type { TlsServer } from '../../../net/tls/tls-server.ts'
import type { Transport, TransportOwner } from '../../../net/transport/transport.ts'

export interface DoorHost {
  refused(reason: 'tls', code: ErrorCode, detail: string): void
  /** The answer, head and body, to a request in clear text on a TLS port. */
  clearTextAnswer(): string
}

const byPlace = {
  get: (handshake: Handshake) => handshake.place,
  set: (handshake: Handshake, at: number) => {
    handshake.place = at
  }
}

/** Connections of one listener that are shaking hands. */
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

  /** `secured` is called with the connection under TLS, or not at all: then `gone` is. */
  secure(
    tls: TlsServer,
    transport: Transport,
    rest: Buffer | undefined,
    secured: (transport: Transport) => void,
    gone: () => void
  ): void {
    // It may fail before it is returned.
    let over = false
    const handshake: Handshake = tls.secure(transport, rest, (under, failed) => {
      if (over) this.#shaking.delete(handshake)
      over = true
      if (under !== undefined) return this.#pass(under, secured, gone)
      gone()
      this.#host.refused('tls', 'LB_TLS_HANDSHAKE', `${failed!.reason}: ${failed!.error.message}`)
      if (failed!.clear !== undefined) new ClearTextAnswer(failed!.clear, this.#deadlines, this.#host)
    })
    if (!over) this.#shaking.add(handshake)
    over = true
  }

  /** What the engine throws ends this connection, and what it is counted in is given back. */
  #pass(under: Transport, secured: (transport: Transport) => void, gone: () => void): void {
    try {
      secured(under)
    } catch (error) {
      contain(error)
      gone()
      under.reset()
    }
  }

  /** Ends all that are not done. */
  destroy(): void {
    for (const handshake of this.#shaking.toArray()) {
      this.#shaking.delete(handshake)
      handshake.cancel()
    }
  }
}

/** How long the client may take to read it. */
const LINGER_MS = 2_000

/** Tells a client that speaks HTTP on a TLS port so, and reads on for a while: closing at once would take the answer from it. */
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
