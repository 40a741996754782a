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

/** How long answers that turned out not to be storable keep later requests from waiting for each other. */
export const passMs = 10_000
/** The same after an error, which is likely to pass sooner. */
export const passErrorMs = 1_000

/** Key under which the right to revalidate `key` is claimed; it never holds a response. */
export const validationKey = (key: string) => `${key}\n#v`

/** Key of the stored part of a response whose whole would lie under `key`. */
export const partKey = (key: string) => `${key}\n#p`

export const variantOf = (key: string, generation: string, values: string) =>
  `${key}\n#${generation}${values}`
