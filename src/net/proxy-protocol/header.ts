import type { Endpoint } from '../dial/endpoint.ts'

/**
 * The content of a PROXY header (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt). Without `source` and
 * `destination` the addresses of the connection itself apply: LOCAL, UNKNOWN, and AF_UNIX, whose paths mean nothing
 * here.
 */
export interface ProxyHeader {
  readonly version: 1 | 2
  /** A connection of the sender itself (a health check): v2 LOCAL. */
  readonly local: boolean
  readonly source: Endpoint | undefined
  readonly destination: Endpoint | undefined
  /** TLV 0x02: the name that the client requested (SNI). */
  readonly authority: string | undefined
  /** TLV 0x01: the protocol negotiated by ALPN. */
  readonly alpn: string | undefined
}

export type ParsedHeader =
  | { readonly kind: 'header'; readonly header: ProxyHeader; readonly length: number }
  | { readonly kind: 'more' }
  | { readonly kind: 'bad'; readonly problem: string }

export const MORE: ParsedHeader = { kind: 'more' }

export function bad(problem: string): ParsedHeader {
  return { kind: 'bad', problem }
}
