import type { CacheCore } from '../cache-core.ts'
import type { Decision, Wait } from '../decide/decision.ts'
import { pending, type SharedWaits, type StoredRecord } from '../ports.ts'
import { waitFor } from './waiting.ts'

/**
 * The store cannot answer at once for `key`: continue with `again` when it can, or with `alone` after a timeout. `waits`
 * gets what a remote tier took.
 */
export function awaitStore(
  { clock, store }: CacheCore,
  key: string,
  waits: SharedWaits | undefined,
  again: () => Decision,
  alone: () => Decision
): Wait {
  return waitFor(clock, again, alone, (wake) => {
    let live = true
    const settle = (late: StoredRecord | undefined, askedMs: number) => {
      late?.release()
      if (!live) return
      addWait(waits, askedMs)
      wake()
    }
    const record = store.lookup(key, settle, waits?.sharedWaitMs)
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
  waits: SharedWaits | undefined,
  again: () => Decision
): Wait | undefined {
  let over = false
  let wake: (() => void) | undefined
  const found = (askedMs: number) => {
    over = true
    addWait(waits, askedMs)
    wake?.()
  }
  const seeking = store.seekNewer(key, found, waits?.sharedWaitMs)
  if (!seeking) return undefined
  return waitFor(clock, again, again, (go) => {
    wake = go
    if (over) go()
    return () => {
      wake = undefined
    }
  })
}

function addWait(waits: SharedWaits | undefined, ms: number): void {
  if (waits !== undefined) waits.sharedWaitMs += Math.ceil(ms)
}
