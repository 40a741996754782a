import type { CacheCore } from '../cache-core.ts'
import type { Decision, Wait } from '../decide/decision.ts'
import { pending } from '../ports.ts'
import { waitFor } from './waiting.ts'

/** The store cannot say at once what lies under `key`: decided `again` when it can, or `alone` where that takes too long. */
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

/** What is stored is stale: decided again once it is known whether another instance has renewed it. Undefined: nobody to ask. */
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
