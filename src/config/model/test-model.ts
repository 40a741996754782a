/** A test in the configuration: a request, and the expected result. */
export interface ConfigTest {
  readonly name?: string
  readonly request: {
    /** Absolute. */
    readonly url: string
    readonly method: string
    readonly headers: Readonly<Record<string, string>>
    /** Address of the client. */
    readonly client: string
    readonly listener?: string
    /** Shown over TLS, and verified. */
    readonly certificate?: {
      readonly subject?: string | undefined
      readonly names: readonly string[]
      readonly fingerprint?: string | undefined
    }
  }
  readonly expect: TestExpectation
}

/** What is absent is not checked. */
export interface TestExpectation {
  /** Name of the route; `none`: no route matches. */
  readonly route?: string
  readonly pool?: string
  /** Status of an answer made by lb. */
  readonly status?: number
  readonly location?: string
  /** Path and query as the backend gets them. */
  readonly forwards?: string
  /** Fields that the backend gets; `false`: it must not get the field. `"*"`: any value. */
  readonly sends?: Readonly<Record<string, string | false>>
  /** A part of the cache key; `none`: the cache is not used. */
  readonly cacheKey?: string
  /** Parts of the notes of stages, as `lb explain` prints them. */
  readonly notes?: readonly string[]
}
