import type { RouteCache } from '../../config/model/model.ts'
import type { Clock } from '../../core/clock.ts'
import type { Random } from '../../core/random.ts'
import type { KeyMaker } from './decide/key.ts'
import type { CacheCounters, CacheStore } from './ports.ts'

/** What the parts of one route's cache share. */
export interface CacheCore {
  readonly store: CacheStore
  readonly config: RouteCache
  readonly keys: KeyMaker
  readonly counters: CacheCounters
  readonly random: Random
  readonly clock: Clock
}

/** After a response that could not be stored, requests for its key do not wait for each other for this long. */
export const passMs = 10_000
/** The same after an error response, which is more likely to be followed by a storable one. */
export const passErrorMs = 1_000

/** Key under which the right to revalidate `key` is claimed; it never holds a response. */
export const validationKey = (key: string) => `${key}\n#v`

/** Key of a stored part of a body; the complete response would be stored under `key`. */
export const partKey = (key: string) => `${key}\n#p`

export const variantOf = (key: string, generation: string, values: string) =>
  `${key}\n#${generation}${values}`
