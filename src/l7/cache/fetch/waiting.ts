import type { Clock } from '../../../core/clock.ts'
import type { Decision, Wait } from '../decide/decision.ts'
import type { Directives } from '../policy/cache-control.ts'
import { isConditional } from '../policy/validators.ts'
import { hasCredentials } from '../policy/storable.ts'
import type { CacheRequest, StoredRecord } from '../ports.ts'

/**
 * Only a plain GET can share the response to another one; a request with credentials always goes to upstream itself.
 */
export function mayShare(request: CacheRequest, directives: Directives): boolean {
  const headers = request.headers
  if (request.method !== 'GET' || directives.noCache || directives.onlyIfCached) return false
  if (hasCredentials(request) || isConditional(headers)) return false
  return headers.get('range') === undefined
}

/**
 * Settles once: with the decision that `subscribe` leads to, unless that is another wait, or with `alone` after the
 * timeout.
 */
export function waitFor(
  clock: Clock,
  again: () => Decision,
  alone: () => Decision,
  subscribe: (wake: () => void) => () => void
): Wait {
  return {
    kind: 'wait',
    wait(timeoutMs, settle) {
      const deadline = clock.now() + timeoutMs
      let stop: (() => void) | undefined
      const end = () => {
        cancelTimer()
        stop?.()
        stop = undefined
      }
      const cancelTimer = clock.after(timeoutMs, () => {
        const decision = alone()
        end()
        finish(decision)
      })
      const finish = (decision: Decision) => {
        if (decision.kind !== 'wait') return settle(decision)
        const left = Math.max(0, deadline - clock.now())
        stop = decision.wait(left, settle)
      }
      let woken = false
      const unsubscribe = subscribe(() => {
        if (woken) return
        woken = true
        end()
        finish(again())
      })
      // `wake` was called during subscribe: `stop` belongs to the next wait by now.
      if (woken) unsubscribe()
      else stop = unsubscribe
      return () => end()
    }
  }
}

/** The late answer is not used: the request looks up again then. */
export function releaseLate(record: StoredRecord | undefined): void {
  record?.release()
}
