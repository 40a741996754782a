/** All that are given must hold. Empty lists and records match everything. */
export interface RouteMatch {
  /** Lower-case names, `*.example.com` for any subdomain, without port. */
  readonly host: readonly string[]
  readonly path?: string
  readonly pathPrefix?: string
  readonly pathRegex?: string
  readonly methods: readonly string[]
  /** Lower-case field name to value; `*` means present. */
  readonly headers: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly clientIp: readonly string[]
  /** Patterns of which one must fit the client's certificate; undefined: none is asked for. */
  readonly clientCert?: readonly string[]
}
