/**
 * The interfaces that the cache needs. The engine implements HeaderView over its header block; the stores implement
 * CacheStore. Strings of header fields and keys are latin1 as received (one char per byte), on both sides.
 */
export interface HeaderView {
  /** By lower-case name; several lines of one name are joined by ", "; undefined when absent. */
  get(name: string): string | undefined
  /** As received: order, case and duplicates. */
  forEach(visit: (name: string, value: string) => void): void
}

export interface CacheRequest {
  readonly method: string
  readonly scheme: 'http' | 'https'
  /** Authority as the client sent it; compared in lower case, without the default port of the scheme. */
  readonly host: string
  /** Normalised path, beginning with a slash. */
  readonly path: string
  /**
   * The path as the client wrote it, where that differs from `path`. Upstream gets it in this form, and a backend may
   * treat the two differently, so it is part of the key: otherwise a client could choose what other clients get by
   * writing the path in an unusual way.
   */
  readonly rawPath?: string
  /** Without the question mark; empty when there is none. */
  readonly query: string
  readonly headers: HeaderView
  /**
   * The fields as upstream gets them, after lb has added, changed and removed some. Absent: as the client sent them.
   */
  readonly sent?: Pick<HeaderView, 'get'> | undefined
  /**
   * The client is authenticated by any method: the response is for this client only, unless it says otherwise (RFC 9111
   * §3.5).
   */
  readonly authenticated?: boolean
  /**
   * The request has a body, which is not part of the key: neither is it answered from the cache, nor is its response
   * stored.
   */
  readonly body?: boolean
  /** What a trusted proxy says about the URL beyond the above, as lines of the key: `\nf:name=value` for each. */
  readonly forwarded?: string
  /** Of the request; the cache adds what it has waited for a remote tier. */
  readonly waits?: SharedWaits
}

/** How long one request has waited for what instances share, so that all its questions together keep one deadline. */
export interface SharedWaits {
  sharedWaitMs: number
}

/** The value of a field that selects between responses, as upstream sees it. */
export function selectingField(request: CacheRequest, name: string): string | undefined {
  return (request.sent ?? request.headers).get(name)
}

export interface CacheResponse {
  readonly status: number
  /** Empty or absent: the engine's own phrase for the status is used. */
  readonly reason?: string
  readonly headers: HeaderView
  /** Names that Connection listed, comma-separated, where `headers` does not contain Connection any more. */
  readonly connectionNames?: string
}

/** reserved: claimed, no head yet. filling: the head is there, the body grows. gone: the fill failed. */
export type RecordState = 'reserved' | 'filling' | 'complete' | 'gone'

/**
 * One stored record as a reader sees it. It stays readable until `release`, even if it is evicted or purged meanwhile;
 * the reader owns what `read` returns for ever (a copy, or memory that is never written again).
 */
export interface StoredRecord {
  readonly state: RecordState
  /** The text given to `begin`; empty while reserved. */
  readonly info: string
  /** Bytes of body that can be read now. */
  readonly available: number
  /** Length of the whole body, once known. */
  readonly bytes: number | undefined
  /** Since when it counts as stale, whatever its head says (steadyNow); 0: it does not. */
  readonly staleAt: number
  /** Where the cache keeps the entry that it parsed from `info`; lives as long as the store keeps this object hot. */
  parsed: unknown
  /** The whole body as latin1 text, where the store keeps it that way: small and hot. */
  readonly text?: string | undefined
  /** Up to `max` bytes from offset `from`, in one piece, or undefined when there is nothing (yet). */
  read(from: number, max: number): Buffer | undefined
  /** Calls `wake` once when state or available may have changed; returns a function that cancels that. */
  onProgress(wake: () => void): () => void
  /** Releases the record. Call it once per lookup; for a hot copy it does nothing. */
  release(): void
}

/** The exclusive right to fill a key. It ends with `begin` and then `finish` or `abort`, or with `abandon`. */
export interface Claim {
  readonly kind: 'claim'
  /**
   * Publishes the head; readers may follow from now on. Undefined when there is no room or it is too large: then
   * nothing is stored, and waiting requests go to upstream themselves.
   */
  begin(head: RecordHead): RecordWriter | undefined
  /** Nothing will be stored. Waiting requests are woken and go to upstream themselves. */
  abandon(): void
}

export interface RecordHead {
  readonly info: string
  /** Length of the body, when it is known. */
  readonly bytes: number | undefined
  /** For `removeTag`; at most 64, each at most 128 characters. */
  readonly tags: readonly string[]
  /** The store's epoch of the key when upstream was asked; `begin` fails when it has increased since. */
  readonly epoch: number
  /** When upstream was asked (steadyNow). Absent: just now. */
  readonly askedAt?: number | undefined
  /** Not a response but a note of the cache itself: purges do not count it. */
  readonly note?: boolean
}

/** incomplete: the body did not come whole. purged: it was removed while it came. */
export type FillFailure = 'too-large' | 'no-room' | 'incomplete' | 'purged'

export interface RecordWriter {
  /**
   * Copies `chunk`. False when it does not fit or was purged meanwhile; the record is gone and later chunks are
   * refused.
   */
  write(chunk: Uint8Array): boolean
  /** Publishes the complete body. False when it was purged, or its length is not the announced one. */
  finish(): boolean
  abort(): void
  /** Why the record will not be there; undefined as long as it may be. */
  readonly failure: FillFailure | undefined
  /** Readers that follow the fill: with any, the fetch is finished although its own client has closed. */
  readonly followers: number
}

/** What a purge names: URLs with all keys that consist of one, a newline and more; beginnings of keys; tags; everything. */
export type Purge =
  { readonly kind: 'url' | 'prefix' | 'tag'; readonly values: readonly string[] } | { readonly kind: 'all' }

/** The store cannot answer at once (a remote tier); `settle` is called once, later. */
export const pending: unique symbol = Symbol('pending')

export interface CacheStore {
  /** Largest body that is stored, in bytes. */
  readonly maxObjectBytes: number
  /** The part of the store in this machine's memory: for what can be computed again from stored responses. */
  readonly near: CacheStore
  /** Increases with every purge by an operator. */
  readonly epoch: number
  /**
   * Increases also with every invalidation of the key's URL: a response that was requested before must not be stored
   * after it.
   */
  epochOf(key: string): number
  /** The record, if it is in memory. */
  peek(key: string): StoredRecord | undefined
  /**
   * `settle` is used only when the answer is `pending`; `askedMs` is what a remote tier took. `waitedMs`: time that the
   * request has waited for it before. A memory store always answers at once.
   */
  lookup(
    key: string,
    settle: (record: StoredRecord | undefined, askedMs: number) => void,
    waitedMs?: number
  ): StoredRecord | undefined | typeof pending
  /**
   * The record under `key` is stale: does a remote tier have a newer one? True: `settle` is called once, later, and a
   * newer record is in memory by then. False: there is no remote tier to ask.
   */
  seekNewer(key: string, settle: (askedMs: number) => void, waitedMs?: number): boolean
  /**
   * The claim to fill `key`; or the record that is there already (reserved, filling or complete); or undefined when the
   * store has no room now. With `replace`, a complete record does not prevent the claim and stays readable until
   * `begin`.
   */
  claim(key: string, replace: boolean): Claim | StoredRecord | undefined
  /** True when a record was there. Fills under way for the key are not published. */
  remove(key: string): boolean
  /**
   * Removes the record because upstream changed it: no response that was requested before is stored for this URL, under
   * any key.
   */
  invalidate(key: string): void
  /**
   * Removes what is named; with `staleAt` (steadyNow) it stays, and counts as stale since then at the latest. Returns how
   * many responses were there.
   */
  purge(what: Purge, staleAt?: number): number
  nextEpoch(): void
  /**
   * Calls `known` once, later: when what this thread has removed so far is known to all who share the store, or after a
   * bounded time. False: all know it already, and `known` is not called.
   */
  whenRemoved(known: () => void): boolean
}

export interface CacheCounters {
  add(name: CacheCounter): void
}

/** What can become of a request. */
export const CACHE_RESULTS = ['hit', 'stale', 'revalidated', 'coalesced', 'miss', 'bypass'] as const

/** Each request counts as one of the results; `stored` counts the responses that are there whole. */
export type CacheCounter = (typeof CACHE_RESULTS)[number] | 'stored'
