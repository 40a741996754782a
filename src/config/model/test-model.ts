/** A test in the configuration: a request, and what is to become of it. */
export interface ConfigTest {
  readonly name?: string
  readonly request: {
    /** Absolute. */
    readonly url: string
    readonly method: string
    readonly headers: Readonly<Record<string, string>>
    /** Address that the request comes from. */
    readonly client: string
    readonly listener?: string
  }
  readonly expect: TestExpectation
}

/** Left out: whatever it is. */
export interface TestExpectation {
  /** Name of the route; `none`: no route matches. */
  readonly route?: string
  readonly pool?: string
  /** Of an answer that no backend makes. */
  readonly status?: number
  readonly location?: string
  /** Path and query as the backend is asked for them. */
  readonly forwards?: string
  /** Fields that the backend gets; `false`: it does not. `"*"`: whatever the value. */
  readonly sends?: Readonly<Record<string, string | false>>
  /** Part of the cache key; `none`: nothing is looked up. */
  readonly cacheKey?: string
  /** Parts of what stages say, as `lb explain` prints it. */
  readonly notes?: readonly string[]
}
