import type { TlsFacts } from '../../../net/tls/tls-facts.ts'
import type { Endpoint } from '../../../net/dial/endpoint.ts'
import type { Admission } from '../../../net/admission/gate.ts'
import type { ClientTies, TieHolder } from '../../forward/client-ties.ts'
import { flat } from '../../../core/flat.ts'
import type { HeaderBlock } from '../../message/header-block.ts'
import { dropForwardingFields } from '../../headers/forwarding-fields.ts'

/** Both ends of a client's connection, as a PROXY header or the socket names them. */
export interface Ends {
  readonly source: Endpoint | undefined
  readonly destination: Endpoint | undefined
}

/** Facts of a connection that few callers need; they are looked up when asked for. */
export interface ConnectionFacts {
  readonly ends: Ends
  /** Undefined on clear text. */
  readonly tls: TlsFacts | undefined
}

/**
 * What all exchanges of one client's connection share, over HTTP/1.1 one after the other and over HTTP/2 at once. Made
 * when the connection comes in.
 */
export class ClientConnection implements TieHolder {
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
  readonly #facts: ConnectionFacts
  #forwarded: ForwardedWriter | undefined

  constructor(
    peer: string,
    scheme: 'http' | 'https',
    admission: Admission | undefined,
    facts: ConnectionFacts,
    http2 = false
  ) {
    this.http2 = http2
    this.peer = peer
    this.scheme = scheme
    this.admission = admission
    this.#facts = facts
  }

  get ends(): Ends {
    return this.#facts.ends
  }

  /** Undefined on clear text. */
  get tls(): TlsFacts | undefined {
    return this.#facts.tls
  }

  /** Writes X-Forwarded-* and Forwarded. They rarely change from one request of a connection to the next. */
  get forwarded(): ForwardedWriter {
    return (this.#forwarded ??= new ForwardedWriter(this))
  }
}

/** For the roster of a listener's connections. */
export const clientPlaces = {
  get: ({ client }: { readonly client: ClientConnection }) => client.place,
  set: ({ client }: { readonly client: ClientConnection }, at: number) => {
    client.place = at
  }
}

/** What backends are told about a client's connection. */
export interface Hop {
  /** Address of the peer (or what its PROXY header said); '' on a unix socket. */
  readonly peer: string
  readonly scheme: 'http' | 'https'
}

/** Longest list that is passed on and appended to; a longer one is dropped as if the peer were not trusted. */
const MAX_LIST = 2048

/**
 * Writes X-Forwarded-For, -Proto, -Host and Forwarded for the requests of one connection. What the client sent is
 * overwritten; a trusted proxy's For is appended to, and its Proto and Host stay, since it saw them first.
 * The lines only depend on the host, and a connection rarely changes that: one comparison per request.
 */
export class ForwardedWriter {
  readonly #hop: Hop
  #host: string | undefined
  #lines = ''

  constructor(hop: Hop) {
    this.#hop = hop
  }

  /**
   * Lines to append for a request that brought none of these fields. `host` is the Host field as received, which
   * the parser has checked.
   */
  lines(host: string): string {
    if (host !== this.#host) {
      this.#host = host
      this.#lines = flat(this.#freshLines(host))
    }
    return this.#lines
  }

  /** Changes `headers`, in which the parser has seen forwarding fields, and returns the lines to append. */
  replace(headers: HeaderBlock, host: string, trusted: boolean): string {
    const hop = this.#hop
    const xForwardedFor = trusted ? headers.getJoined('x-forwarded-for') : undefined
    const forwarded = trusted ? headers.getJoined('forwarded') : undefined
    if (!trusted || tooLong(xForwardedFor) || tooLong(forwarded)) {
      dropForwardingFields(headers)
      return this.lines(host)
    }
    let lines = ''
    if (xForwardedFor !== undefined) headers.remove('x-forwarded-for')
    lines += `X-Forwarded-For: ${appended(xForwardedFor, hop.peer === '' ? 'unknown' : hop.peer)}\r\n`
    if (!headers.has('x-forwarded-proto')) lines += `X-Forwarded-Proto: ${hop.scheme}\r\n`
    if (host !== '' && !headers.has('x-forwarded-host')) lines += `X-Forwarded-Host: ${host}\r\n`
    // The proxy before us knows X-Forwarded-For only: a Forwarded that begins here would leave out the hops before it.
    if (forwarded === undefined && xForwardedFor !== undefined) return lines
    if (forwarded !== undefined) headers.remove('forwarded')
    return `${lines}Forwarded: ${appended(forwarded, forwardedElement(hop, host))}\r\n`
  }

  #freshLines(host: string): string {
    const { peer, scheme } = this.#hop
    const hostLine = host === '' ? '' : `X-Forwarded-Host: ${host}\r\n`
    return (
      `X-Forwarded-For: ${peer === '' ? 'unknown' : peer}\r\nX-Forwarded-Proto: ${scheme}\r\n${hostLine}` +
      `Forwarded: ${forwardedElement(this.#hop, host)}\r\n`
    )
  }
}

/** One element of Forwarded (RFC 7239 §4). Values that are no token are quoted: IPv6 and hosts with a port. */
export function forwardedElement(hop: Hop, host: string): string {
  const address = hop.peer.includes(':') ? `"[${hop.peer}]"` : hop.peer === '' ? 'unknown' : hop.peer
  const hostPart = host === '' ? '' : `;host=${host.includes(':') ? `"${host}"` : host}`
  return `for=${address}${hostPart};proto=${hop.scheme}`
}

function appended(list: string | undefined, element: string): string {
  return list === undefined || list === '' ? element : `${list}, ${element}`
}

function tooLong(list: string | undefined): boolean {
  return list !== undefined && list.length > MAX_LIST
}
