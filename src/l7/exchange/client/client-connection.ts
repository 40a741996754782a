import type { TlsFacts } from '../../../net/tls/tls-facts.ts'
import type { Endpoint } from '../../../net/dial/endpoint.ts'
import type { Admission } from '../../../net/admission/gate.ts'
import type { ClientTies, TieHolder } from '../../forward/client-ties.ts'
import type { HeaderBlock } from '../../message/header-block.ts'

/** Both ends of a client's connection, as a PROXY header or the socket names them. */
export interface Ends {
  readonly source: Endpoint | undefined
  readonly destination: Endpoint | undefined
}

/** Writes X-Forwarded-* and Forwarded for the requests of one connection. */
export interface ForwardedLines {
  /** Lines to append for a request that brought none of these fields. `host`: the Host field as received. */
  lines(host: string): string
  /** Changes `headers`, in which forwarding fields were seen, and returns the lines to append. */
  replace(headers: HeaderBlock, host: string, trusted: boolean): string
}

/**
 * What all exchanges of one client's connection share, over HTTP/1.1 one after the other and over HTTP/2 at once. Made
 * when the connection comes in.
 */
export abstract class ClientConnection implements TieHolder {
  /** Address of the peer, or what its PROXY header said; '' on a unix socket. */
  readonly peer: string
  readonly scheme: 'http' | 'https'
  readonly http2: boolean
  /** What the connection is counted in, where the listener limits connections. */
  readonly admission: Admission | undefined
  /** Written by the upstream client, and when the connection ends. */
  ties: ClientTies | undefined
  /** Its place in the roster of its listener's connections. Written by the engine only. */
  place = -1
  /** Written by the forwarding stage only: the lines rarely change from one request of a connection to the next. */
  forwarded: ForwardedLines | undefined

  constructor(peer: string, scheme: 'http' | 'https', admission: Admission | undefined, http2: boolean) {
    this.http2 = http2
    this.peer = peer
    this.scheme = scheme
    this.admission = admission
  }

  /** Few need them: they are looked up when asked for. */
  abstract get ends(): Ends
  /** Undefined on clear text. */
  abstract get tls(): TlsFacts | undefined
}

/** For the roster of a listener's connections. */
export const clientPlaces = {
  get: ({ client }: { readonly client: ClientConnection }) => client.place,
  set: ({ client }: { readonly client: ClientConnection }, at: number) => {
    client.place = at
  }
}
