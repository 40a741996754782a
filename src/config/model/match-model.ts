/** A value as it is written, `*` for any, or an expression that is found in it. */
export type ValueMatch = string | { readonly regex: string }

/** All given conditions must hold. Empty lists and records match everything. */
export interface RouteMatch {
  /** Lower-case names, `*.example.com` for any subdomain, without port. */
  readonly host: readonly string[]
  readonly path?: string
  readonly pathPrefix?: string
  readonly pathRegex?: string
  readonly methods: readonly string[]
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, ValueMatch>>
  readonly query: Readonly<Record<string, ValueMatch>>
  readonly cookies?: Readonly<Record<string, ValueMatch>>
  readonly clientIp: readonly string[]
  /** Excludes requests that a trusted proxy received over HTTPS; used by `redirectToHttps` only. */
  readonly clearText?: boolean
  /** Patterns of which one must match the client's certificate; undefined: no certificate is needed. */
  readonly clientCert?: readonly string[]
  /** By Content-Length, in bytes; a body of unknown length counts as larger than any size. */
  readonly body?: { readonly over?: number; readonly under?: number }
  /** One of these must hold, with all its conditions. */
  readonly any?: readonly RouteMatch[]
  /** None of these may hold, with all its conditions. */
  readonly not?: readonly RouteMatch[]
}

export interface RedirectAction {
  readonly kind: 'redirect'
  readonly to: string
  readonly status: number
  /** The route's `pathRegex`, where `to` names groups of it. */
  readonly groups?: string
}
