import type { ForwardReason } from '../decide/cache-status.ts'
import type { ResponseEntry } from '../entry.ts'
import type { Claim, StoredRecord } from '../ports.ts'
import type { Place } from './storing.ts'

/** `key`: it would be too long, or servers may disagree about a cookie in it. `store`: it did not answer in time. */
export type Bypass = 'request-no-store' | 'condition' | 'request-body' | 'key' | 'store'

/** A stored response with the record that holds its body. */
export interface Stored {
  readonly entry: ResponseEntry
  readonly record: StoredRecord
}

export interface FetchPlan {
  readonly forward: ForwardReason
  /** Undefined: the response is not stored (an unsafe request still invalidates). */
  readonly place: Place | undefined
  /** Why not, where the request is not even looked up. */
  readonly bypass?: Bypass
  /** The claim to fill `place.key`. */
  readonly claim?: Claim
  /** The claim to revalidate; it ends once the result can be found in the store. */
  readonly validation?: Claim
  /** The stored response that is revalidated, or that may answer in case of an error. */
  readonly stale?: Stored
  /** The stored beginning of the body, which the response may complete. */
  readonly prefix?: Stored
  /** No client waits for the response, so the conditions of the request that caused it are not sent. */
  readonly background?: boolean
}
