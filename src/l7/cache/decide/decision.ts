import type { BodyReader } from '../fetch/body-reader.ts'
import type { StoredForms } from '../forms/stored-forms.ts'
import type { CacheResponse, RecordWriter } from '../ports.ts'
import type { ForwardFacts } from './cache-status.ts'

/** What the engine has to do with a request. */
export type Decision = Hit | Fetch | Wait | GatewayTimeout

/**
 * Answer from the cache. `body` is the whole body when it is complete and small, otherwise `reader` streams it (release
 * it); both are undefined where the response has none (HEAD, 204, 304, 416). `fields` are whole lines, `name:
 * value\r\n`, with Age and Cache-Status and without Content-Length, Transfer-Encoding and hop-by-hop fields.
 */
export interface Hit {
  readonly kind: 'hit'
  readonly status: number
  /** Empty: use the usual phrase of the status. */
  readonly reason: string
  readonly fields: string
  /** The value of Cache-Status in `fields`. */
  readonly cacheStatus: string
  /** Length to announce (for HEAD too); undefined when it is not known yet or the status has none (204, 304). */
  readonly bytes: number | undefined
  readonly body: Buffer | undefined
  /** `body` as latin1 text, made once for small hot bodies, so that head and body are sent as one string. */
  readonly text: string | undefined
  readonly reader: BodyReader | undefined
  /** Encoded forms of the body. Present when the complete body follows, or when the response is a 304. */
  readonly forms: StoredForms | undefined
  /** A request to send upstream in the background; no client waits for it, its body goes to the writer. */
  readonly refresh: Fetch | undefined
  /** Call it when `reader` brought nothing for too long, so that later requests do not wait for this fill. */
  readonly stalled?: () => void
}

/**
 * Ask upstream. The engine calls exactly one of `onResponse`, `onError` and `abandon`, once: `onResponse` for the final
 * response head (after retries), `onError` when no response will come.
 */
export interface Fetch {
  readonly kind: 'fetch'
  /** Lower-case names to remove from the upstream request, before `add` is applied. */
  readonly remove: readonly string[]
  readonly add: readonly (readonly [name: string, value: string])[]
  /** Value of the Cache-Status field as long as upstream has not answered. */
  readonly cacheStatus: string
  /** `bytes`: length of the response body where the framing tells it. */
  onResponse(response: CacheResponse, bytes: number | undefined, now: number): FetchResult
  /** A stale response to answer with, or undefined: the engine then answers with its own error. */
  onError(now: number): Hit | undefined
  /** The client closed before the response head arrived. */
  abandon(): void
}

export type FetchResult =
  | {
      readonly kind: 'pass'
      /** Where to copy the body to: `write` each chunk, `finish` when the framing proves the end, `abort` otherwise. */
      readonly writer: RecordWriter | undefined
      /** What the Cache-Status field to add says. */
      readonly forwarded: ForwardFacts
      /** Stored bytes that come before upstream's body: answer with this head instead of upstream's. */
      readonly combine: Combine | undefined
      /** Present where something was removed: see `CacheStore.whenRemoved`. The client is not answered before. */
      readonly whenRemoved?: (known: () => void) => boolean
    }
  /** Discard upstream's response, body included, and answer with this hit. */
  | { readonly kind: 'answer'; readonly hit: Hit }
  /**
   * Discard upstream's response and send this request instead: the first answer was to a condition that the cache had
   * added.
   */
  | { readonly kind: 'again'; readonly fetch: Fetch }

/** A 206 that completes a stored part: the client gets a 200 made of both. */
export interface Combine {
  readonly status: 200
  readonly fields: string
  readonly bytes: number
  /** The beginning, from the store; release it. Upstream's body follows. Only upstream's body goes to the writer. */
  readonly reader: BodyReader
}

/**
 * Another request is fetching the response. `wait` calls `settle` once with any other decision, after `timeoutMs` at
 * the latest.
 */
export interface Wait {
  readonly kind: 'wait'
  wait(timeoutMs: number, settle: (decision: Hit | Fetch | GatewayTimeout) => void): () => void
}

/** The request says only-if-cached and nothing usable is stored: 504 (RFC 9111 §5.2.1.7). */
export interface GatewayTimeout {
  readonly kind: 'gateway-timeout'
  readonly cacheStatus: string
}
