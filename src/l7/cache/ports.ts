/**
 * What the cache needs from others. The engine implements HeaderView over its header block; the stores implement
 * CacheStore. Strings of header fields and keys are latin1 as received (one char per byte), on both sides.
 */
export interface HeaderView {
  /** By lower-case name; several lines of one name joined by ", "; undefined when absent. */
  get(name: string): string | undefined
  /** As received: order, case and duplicates. */
  forEach(visit: (name: string, value: string) => void): void
}

export interface CacheRequest {
  readonly method: string
  readonly scheme: 'http' | 'https'
  /** Authority as the client named it; compared in lower case, without the scheme's default port. */
  readonly host: string
  /** Normalised path, beginning with a slash. */
  readonly path: string
  /**
   * The path as the client wrote it, where that differs from `path`. It is sent upstream so, and a backend may tell the
   * two apart, so it is part of the key: else one who writes it oddly could choose what others get.
   */
  readonly rawPath?: string
  /** Without the question mark; empty when there is none. */
  readonly query: string
  readonly headers: HeaderView
  /** The fields as upstream gets them, which lb writes, changes and removes some of. Left out: as the client sent them. */
  readonly sent?: Pick<HeaderView, 'get'> | undefined
  /** The client is authenticated by any method: the response is for this client only, unless it says otherwise (RFC 9111 §3.5). */
  readonly authenticated?: boolean
  /** It has a body, which is in no key: it is not answered from here, nor is its answer stored. */
  readonly body?: boolean
  /** What a trusted proxy says of the URL beyond the above, lines of the key: `\nf:name=value` for each. */
  readonly told?: string
}

/** The value of a field that chooses between answers: as upstream sees it. */
export function selectingField(request: CacheRequest, name: string): string | undefined {
  return (request.sent ?? request.headers).get(name)
}

export interface CacheResponse {
  readonly status: number
  /** Empty or left out: the engine's own phrase for the status is used. */
  readonly reason?: string
  readonly headers: HeaderView
  /** Names that Connection listed, comma-separated, where the Connection field itself is not in `headers` any more. */
  readonly connectionNames?: string
}

/** reserved: somebody fetches it, no head yet. filling: head is there, body grows. gone: that came to nothing. */
export type RecordState = 'reserved' | 'filling' | 'complete' | 'gone'

/**
 * One stored thing as a reader sees it. It stays readable until `release`, whatever is evicted or purged meanwhile;
 * what `read` returns is the reader's own for ever (a copy, or memory that nobody writes again).
 */
export interface StoredRecord {
  readonly state: RecordState
  /** The text given to `begin`; empty while reserved. */
  readonly info: string
  /** Bytes of body that can be read now. */
  readonly available: number
  /** Length of the whole body, once known. */
  readonly bytes: number | undefined
  /** A place for the cache to keep what it parsed out of `info`; lives as long as the store keeps this object hot. */
  memo: unknown
  /** The whole body as latin1 text, where the store keeps it so: small and hot. */
  readonly text?: string | undefined
  /** Up to `max` bytes from offset `from`, in one piece, or undefined when there is nothing (yet). */
  read(from: number, max: number): Buffer | undefined
  /** Calls `wake` once when state or available may have changed; returns what cancels that. */
  onProgress(wake: () => void): () => void
  /** Gives the record back. Needed once per lookup; a hot copy makes it a no-op. */
  release(): void
}

/** The sole right to fill a key. Ends by `begin` and then `finish` or `abort`, or by `abandon`. */
export interface Claim {
  readonly kind: 'claim'
  /**
   * Publishes the head; readers may follow from now on. Undefined when there is no room or it is too large: nothing is
   * stored then, and who waits goes on alone.
   */
  begin(head: RecordHead): RecordWriter | undefined
  /** Nothing will be stored. Who waits is woken and goes on alone. */
  abandon(): void
}

export interface RecordHead {
  readonly info: string
  /** Length of the body, when it is known. */
  readonly bytes: number | undefined
  /** For `removeTag`; at most 64, each at most 128 characters. */
  readonly tags: readonly string[]
  /** The store's epoch of the key when upstream was asked; `begin` fails when it has grown since. */
  readonly epoch: number
  /** When upstream was asked (steadyNow). Left out: only just. */
  readonly askedAt?: number | undefined
  /** No response but something the cache keeps for itself: not counted by purges. */
  readonly note?: boolean
}

export interface RecordWriter {
  /** Copies `chunk`. False: it does not fit or was purged meanwhile; the record is gone and nothing more is taken. */
  write(chunk: Uint8Array): boolean
  /** The body is whole: publish it. False: it was purged, or its length is not the announced one. */
  finish(): boolean
  abort(): void
  /** Readers that follow along: with any, the fetch is worth finishing although its own client is gone. */
  readonly followers: number
}

/** The store cannot say at once (a remote tier); `settle` is called once, later. */
export const pending: unique symbol = Symbol('pending')

export interface CacheStore {
  /** Largest body worth beginning, in bytes. */
  readonly maxObjectBytes: number
  /** The part of it in this machine's memory: for what can be made again of what is stored. */
  readonly near: CacheStore
  /** Grows with every purge by an operator. */
  readonly epoch: number
  /** Grows also with every invalidation of the key's URL: what was asked of upstream before must not be stored after it. */
  epochOf(key: string): number
  /** What is at hand. */
  peek(key: string): StoredRecord | undefined
  /** `settle` is used only when the answer is `pending`. A memory store always answers at once. */
  lookup(
    key: string,
    settle: (record: StoredRecord | undefined) => void
  ): StoredRecord | undefined | typeof pending
  /**
   * What lies under `key` is stale: is there a newer one in a remote tier? True: `settle` is called once, later, and what is newer
   * is at hand by then. False: nobody is asked.
   */
  seekNewer(key: string, settle: () => void): boolean
  /**
   * The right to fill `key`, or the record that is there already (reserved by somebody, filling or complete), or
   * undefined when the store can take nothing now. With `replace`, a complete record does not stand in the way and
   * stays readable until `begin`.
   */
  claim(key: string, replace: boolean): Claim | StoredRecord | undefined
  /** True when something was there. Fills under way for the key are not published. */
  remove(key: string): boolean
  /** Removes it because upstream has changed it: nothing that was asked for before, of any key of this URL, is stored later. */
  invalidate(key: string): void
  /** The same for the record of `url` and those whose key is `url` and a newline and more; tells how many. */
  removeUrl(url: string): number
  removePrefix(prefix: string): number
  removeTag(tag: string): number
  removeAll(): number
  nextEpoch(): void
}

export interface CacheCounters {
  add(name: CacheCounter): void
}

/** Each request counts as one of the first six; `stored` counts responses begun to be stored. */
export type CacheCounter = 'hit' | 'miss' | 'stale' | 'revalidated' | 'coalesced' | 'bypass' | 'stored'
