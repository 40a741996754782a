import type { Clock } from '../../../core/clock.ts'
import type { Decision, Wait } from '../decide/decision.ts'
import type { Directives } from '../policy/cache-control.ts'
import { isConditional } from '../policy/validators.ts'
import { hasCredentials } from '../policy/storable.ts'
import type { CacheRequest, StoredRecord } from '../ports.ts'

/** Only a plain GET can share the answer to another one, and a client with credentials had better ask itself. */
export function mayShare(request: CacheRequest, directives: Directives): boolean {
  const headers = request.headers
  if (request.method !== 'GET' || directives.noCache || directives.onlyIfCached) return false
  if (hasCredentials(request) || isConditional(headers)) return false
  return headers.get('range') === undefined
}

/** Settles once: by what `subscribe` reports, as long as that is no further wait, or alone after the timeout. */
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
      // Woken while subscribing: what `stop` holds by now is the next wait's.
      if (woken) unsubscribe()
      else stop = unsubscribe
      return () => end()
    }
  }
}

/** For stores that answer later: the request looks again then. */
export function releaseLate(record: StoredRecord | undefined): void {
  record?.release()
}
