import type { CacheCore } from '../cache-core.ts'
import type { Decision, Wait } from '../decide/decision.ts'
import { pending } from '../ports.ts'
import { waitFor } from './waiting.ts'

/** The store cannot answer at once for `key`: continue with `again` when it can, or with `alone` after a timeout. */
export function awaitStore(
  { clock, store }: CacheCore,
  key: string,
  again: () => Decision,
  alone: () => Decision
): Wait {
  return waitFor(clock, again, alone, (wake) => {
    let live = true
    const record = store.lookup(key, (late) => {
      late?.release()
      if (live) wake()
    })
    if (record !== pending) {
      record?.release()
      wake()
    }
    return () => {
      live = false
    }
  })
}

/**
 * The stored response is stale: decide again once it is known whether another instance has renewed it. Undefined when
 * no other instance can be asked.
 */
export function awaitNewer(
  { clock, store }: CacheCore,
  key: string,
  again: () => Decision
): Wait | undefined {
  let over = false
  let wake: (() => void) | undefined
  const seeking = store.seekNewer(key, () => {
    over = true
    wake?.()
  })
  if (!seeking) return undefined
  return waitFor(clock, again, again, (found) => {
    wake = found
    if (over) found()
    return () => {
      wake = undefined
    }
  })
}
