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
  /** Name to value; `*` means present. */
  readonly cookies?: Readonly<Record<string, string>>
  readonly clientIp: readonly string[]
  /** Not for requests that a trusted proxy has had over HTTPS; of `redirectToHttps` only. */
  readonly clearText?: boolean
  /** Patterns of which one must fit the client's certificate; undefined: none is asked for. */
  readonly clientCert?: readonly string[]
  /** By Content-Length, in bytes; a body of unknown length is over any size. */
  readonly body?: { readonly over?: number; readonly under?: number }
  /** One of these must hold, as a whole. */
  readonly any?: readonly RouteMatch[]
  /** None of these may hold, as a whole. */
  readonly not?: readonly RouteMatch[]
}
