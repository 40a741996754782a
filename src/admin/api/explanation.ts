/** A request that nobody sends, to be told what would become of it. */
export interface ExplainRequest {
  readonly method: string
  /** Absolute, http or https. */
  readonly url: string
  /** Of the request; Host replaces that of the URL. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Address that the request comes from. */
  readonly client: string
  /** It comes by HTTP/2. */
  readonly http2?: boolean
  /** Left out: the one that the URL's scheme and port lead to. */
  readonly listener?: string
  /** What the backend would answer: then it is told whether that would be stored. */
  readonly response?: {
    readonly status: number
    readonly headers: readonly (readonly [name: string, value: string])[]
  }
}

/** What would become of a request. Members are left out where they say nothing. */
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
  /** Path and query as the backend is asked for them. */
  readonly forwards?: string
  /** The fields that a backend gets, one line each. */
  readonly sends?: readonly string[]
  /** Of an answer that no backend makes, errors included. */
  readonly answers?: { readonly status: number; readonly fields: readonly string[] }
  /** Of a route that caches. */
  readonly cache?: CacheExplanationView
  /** What stages say beyond that, one sentence each. */
  readonly notes?: readonly string[]
}

export interface CacheExplanationView {
  readonly store: string
  /** As the store keeps it; left out when the request is not looked up. */
  readonly key?: string
  readonly parts: readonly KeyPartView[]
  /** Values of the fields that the stored response varies by. */
  readonly variant: readonly KeyPartView[]
  /** `unknown`: explained without a running lb, which alone knows what is stored. */
  readonly outcome: 'bypass' | 'miss' | 'wait' | 'hit' | 'stale' | 'revalidate' | 'unknown'
  readonly why: string
  /** Of what is stored. */
  readonly status?: number
  readonly bytes?: number
  readonly ageSeconds?: number
  /** Negative when stale. */
  readonly ttlSeconds?: number
  /** Whether the backend's answer would be stored; left out when it is not asked. */
  readonly storing?: {
    readonly stored: 'yes' | 'no' | 'depends'
    readonly why: string
    readonly ttlSeconds?: number
  }
}

export interface KeyPartView {
  readonly kind: 'url' | 'route' | 'written-path' | 'forwarded' | 'header' | 'cookie'
  readonly name?: string
  /** Left out: the request has it not. */
  readonly value?: string
}
