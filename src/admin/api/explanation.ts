/** A hypothetical request, to explain what would happen to it. */
export interface ExplainRequest {
  readonly method: string
  /** Absolute, http or https. */
  readonly url: string
  /** Fields of the request; Host replaces that of the URL. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Address that the request comes from. */
  readonly client: string
  /** The certificate that the client shows; the listener has asked for one, and verified it. */
  readonly certificate?: {
    readonly subject?: string | undefined
    readonly names: readonly string[]
    readonly fingerprint?: string | undefined
  }
  /** It uses HTTP/2. */
  readonly http2?: boolean
  /** Default: chosen by the URL's scheme and port. */
  readonly listener?: string
  /** The assumed answer of the backend: then the explanation says whether it would be stored. */
  readonly response?: {
    readonly status: number
    readonly headers: readonly (readonly [name: string, value: string])[]
  }
}

/** What would happen to a request. Members without content are absent. */
export interface ExplanationView {
  readonly listener: string
  /** Routes before the one that matches, in order, with the first condition of each that does not hold. At most 100. */
  readonly passedOver: readonly { readonly route: string; readonly condition: string }[]
  readonly route?: string
  /** lb answers with this error itself. */
  readonly refused?: { readonly code: string; readonly status: number; readonly why: string }
  readonly action?:
    | { readonly kind: 'pool'; readonly pool: string }
    | {
        readonly kind: 'split'
        readonly targets: readonly { readonly pool: string; readonly weight: number }[]
      }
    | { readonly kind: 'redirect'; readonly status: number; readonly location: string }
    | { readonly kind: 'respond'; readonly status: number }
  /** Path and query as the backend gets them. */
  readonly forwards?: string
  /** The fields that a backend gets, one line each. */
  readonly sends?: readonly string[]
  /** An answer that lb makes, errors included. */
  readonly answers?: { readonly status: number; readonly fields: readonly string[] }
  /** For a route with a cache. */
  readonly cache?: CacheExplanationView
  /** Notes of the stages, one sentence each. */
  readonly notes?: readonly string[]
}

export interface CacheExplanationView {
  readonly store: string
  /** The key in the store; absent when the request is not looked up. */
  readonly key?: string
  readonly parts: readonly KeyPartView[]
  /** Values of the fields in the stored response's Vary. */
  readonly variant: readonly KeyPartView[]
  /** `unknown`: explained without a running lb, which alone knows what is stored. */
  readonly outcome: 'bypass' | 'miss' | 'wait' | 'hit' | 'stale' | 'revalidate' | 'unknown'
  readonly why: string
  /** Facts about the stored response. */
  readonly status?: number
  readonly bytes?: number
  readonly ageSeconds?: number
  /** Negative when stale. */
  readonly ttlSeconds?: number
  /** Whether the backend's answer would be stored; absent when no answer was assumed. */
  readonly storing?: {
    readonly stored: 'yes' | 'no' | 'depends'
    readonly why: string
    readonly ttlSeconds?: number
  }
}

export interface KeyPartView {
  readonly kind: 'url' | 'route' | 'written-path' | 'forwarded' | 'header' | 'cookie'
  readonly name?: string
  /** Absent when the request does not have it. */
  readonly value?: string
}
