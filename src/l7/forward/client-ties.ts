import type { Backend } from '../../balancer/pool/backend.ts'

/** A connection to a backend that is kept for one client's connection alone. */
export interface Tied {
  readonly backend: Backend
  /** The client is gone. */
  end(): void
}

/** A client's connection, as far as the backends' side must know it. */
export interface TieHolder {
  /** Made when there is something to keep. Closed with the client's connection. */
  ties: ClientTies | undefined
}

/** Backends that one client has authenticated a connection to; a connection each. */
const MAX_TIES = 16

/**
 * Connections to backends that belong to one client's connection. NTLM and Negotiate authenticate a connection and not a
 * request (RFC 4559 §6): whatever is sent over it later is answered as that user's.
 */
export class ClientTies {
  /** By the place that such connections come from, one per backend. */
  readonly #tied = new Map<object, Tied>()
  #closed = false

  /** False: it cannot be kept. */
  keep(place: object, tied: Tied): boolean {
    if (this.#closed || this.#tied.size >= MAX_TIES || this.#tied.has(place)) return false
    this.#tied.set(place, tied)
    return true
  }

  take(place: object): Tied | undefined {
    const tied = this.#tied.get(place)
    if (tied !== undefined) this.#tied.delete(place)
    return tied
  }

  drop(place: object, tied: Tied): void {
    if (this.#tied.get(place) === tied) this.#tied.delete(place)
  }

  /** Name of the backend of `pool` that knows the client. */
  backendIn(pool: string): string | undefined {
    for (const tied of this.#tied.values()) if (tied.backend.pool === pool) return tied.backend.name
    return undefined
  }

  close(): void {
    this.#closed = true
    const all = [...this.#tied.values()]
    this.#tied.clear()
    for (const tied of all) tied.end()
  }
}

const closed = new ClientTies()
closed.close()

/** The client is gone: what was kept for it ends, and nothing is kept any more. */
export function closeTies(holder: TieHolder): void {
  holder.ties?.close()
  holder.ties = closed
}

const SCHEMES = /(?:^|,)\s*(?:ntlm|nego\w*|kerberos)(?![\w-])/i

/** A value of Authorization or WWW-Authenticate names a scheme that authenticates the connection. */
export function authenticatesConnection(value: string | undefined): boolean {
  return value !== undefined && SCHEMES.test(value)
}
