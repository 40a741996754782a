/** How to obtain certificates from an authority (RFC 8555). */
export interface AcmeConfig {
  readonly email?: string
  /** In this order; the next is used when one fails. Never empty. */
  readonly authorities: readonly AcmeAuthority[]
  readonly challenge: AcmeChallenge
  /** Program and arguments that create a TXT record; present with dns-01 only. */
  readonly hook?: readonly string[]
  /** Absolute path of a folder, or `redis`. */
  readonly storage: string
  /** A certificate profile of the authority; undefined: its default. */
  readonly profile?: string
}

export type AcmeChallenge = 'tls-alpn-01' | 'http-01' | 'dns-01'

export interface AcmeAuthority {
  /** Short name: `letsencrypt`, or the host of its URL. */
  readonly name: string
  /** URL of its directory. */
  readonly url: string
  /** Path of a PEM file with the authorities that sign its HTTPS certificate. */
  readonly ca?: string
  /** External account binding (RFC 8555 §7.3.4). */
  readonly eab?: { readonly kid: string; readonly key: string }
}

/** The names of a listener that get certificates by ACME. */
export interface ListenerAcme {
  /** Lower case: host names, `*.example.com`, addresses. */
  readonly domains: readonly string[]
  /** Names that clients request, where this URL allows them. */
  readonly onDemand?: { readonly ask: string; readonly ratePerSecond: number }
}
