/** How certificates are had from an authority (RFC 8555). */
export interface AcmeConfig {
  readonly email?: string
  /** Asked in this order, the next when one fails. Never empty. */
  readonly authorities: readonly AcmeAuthority[]
  readonly challenge: AcmeChallenge
  /** Program and arguments that put a TXT record in place; exactly with dns-01. */
  readonly hook?: readonly string[]
  /** Absolute path of a folder, or `redis`. */
  readonly storage: string
  /** A profile of the authority's; undefined: its default. */
  readonly profile?: string
}

export type AcmeChallenge = 'tls-alpn-01' | 'http-01' | 'dns-01'

export interface AcmeAuthority {
  /** As a user would call it: `letsencrypt`, or the host of its URL. */
  readonly name: string
  /** Of its directory. */
  readonly url: string
  /** Path of a PEM file with the authorities that its HTTPS certificate is checked by. */
  readonly ca?: string
  /** External account binding (RFC 8555 §7.3.4). */
  readonly eab?: { readonly kid: string; readonly key: string }
}

/** Which names of a listener have certificates by ACME. */
export interface ListenerAcme {
  /** Lower case: host names, `*.example.com`, addresses. */
  readonly domains: readonly string[]
  /** Names that clients ask for, where this URL says yes. */
  readonly onDemand?: { readonly ask: string; readonly ratePerSecond: number }
}
