import type { Endpoint } from '../dial/endpoint.ts'

/**
 * What a PROXY header says (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt). Without `source` and
 * `destination` the connection's own ends count: LOCAL, UNKNOWN, and AF_UNIX, whose paths mean nothing here.
 */
export interface ProxyHeader {
  readonly version: 1 | 2
  /** The sender speaks for itself (a health check): v2 LOCAL. */
  readonly local: boolean
  readonly source: Endpoint | undefined
  readonly destination: Endpoint | undefined
  /** TLV 0x02: the name that the client asked for (SNI). */
  readonly authority: string | undefined
  /** TLV 0x01: the protocol agreed by ALPN. */
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
