import type { BodyReader } from '../fetch/body-reader.ts'
import type { StoredForms } from '../forms/stored-forms.ts'
import type { CacheResponse, RecordWriter } from '../ports.ts'

/** What the engine is to do with a request. */
export type Decision = Hit | Fetch | Wait | GatewayTimeout

/**
 * Answer from here. `body` is the whole body when it is complete and small, `reader` streams it otherwise (release it);
 * both are undefined where there is none (HEAD, 204, 304, 416). `fields` are whole lines, `name: value\r\n`, with Age
 * and Cache-Status and without Content-Length, Transfer-Encoding and everything hop-by-hop.
 */
export interface Hit {
  readonly kind: 'hit'
  readonly status: number
  /** Empty: the usual phrase. */
  readonly reason: string
  readonly fields: string
  /** Length to announce (for HEAD too); undefined: not known yet, or the status has none (204, 304). */
  readonly bytes: number | undefined
  readonly body: Buffer | undefined
  /** `body` as latin1 text, made once, when it is small and hot: to be sent with the head in one string. */
  readonly text: string | undefined
  readonly reader: BodyReader | undefined
  /** Other forms of the body, where all of it follows and is complete, or where a 304 stands for it. */
  readonly forms: StoredForms | undefined
  /** To be sent upstream in the background, for nobody; its body goes to the writer. */
  readonly refresh: Fetch | undefined
  /** To be called when `reader` brought nothing for too long: those who come later shall not wait for it. */
  readonly stalled?: () => void
}

/**
 * Ask upstream. The engine calls exactly one of `onResponse`, `onError` and `abandon`, once; `onResponse` for the final
 * response head (after retries), `onError` when there will be none.
 */
export interface Fetch {
  readonly kind: 'fetch'
  /** Fields of the upstream request to leave out, lower-case, and then to add. */
  readonly remove: readonly string[]
  readonly add: readonly (readonly [name: string, value: string])[]
  /** `bytes`: length of the response body where the framing tells it. */
  onResponse(response: CacheResponse, bytes: number | undefined, now: number): FetchResult
  /** What may stand in although stale, or undefined: the engine answers with its own error. */
  onError(now: number): Hit | undefined
  /** The client went away before a response head. */
  abandon(): void
}

export type FetchResult =
  | {
      readonly kind: 'pass'
      /** Where the body is to be copied to: `write` each chunk, `finish` at a proven end, `abort` on anything else. */
      readonly writer: RecordWriter | undefined
      /** Value of the Cache-Status field to add. */
      readonly cacheStatus: string
      /** Bytes stored earlier that come before the upstream's body: answer as this says instead of as upstream did. */
      readonly combine: Combine | undefined
    }
  /** Upstream's answer (its body is to be thrown away) is not for the client; this is. */
  | { readonly kind: 'answer'; readonly hit: Hit }
  /** Upstream's answer is to be thrown away, and this asked instead: it only answered what the cache had added. */
  | { readonly kind: 'again'; readonly fetch: Fetch }

/** A 206 that completes a stored part: the client gets a 200 made of both. */
export interface Combine {
  readonly status: 200
  readonly fields: string
  readonly bytes: number
  /** The beginning, from the store; release it. Then follows upstream's body. The writer wants only the latter. */
  readonly reader: BodyReader
}

/** Somebody else fetches it. `wait` calls `settle` once, with any other decision, at the latest after `timeoutMs`. */
export interface Wait {
  readonly kind: 'wait'
  wait(timeoutMs: number, settle: (decision: Hit | Fetch | GatewayTimeout) => void): () => void
}

/** only-if-cached and nothing usable: 504 (RFC 9111 §5.2.1.7). */
export interface GatewayTimeout {
  readonly kind: 'gateway-timeout'
  readonly cacheStatus: string
}
