import { guarded } from '../../../core/containment.ts'
import type { BodyReader } from '../../cache/fetch/body-reader.ts'
import type { Exchange } from '../../exchange/exchange.ts'

/**
 * Streams a stored body at the client's pace, also while it is still being filled. `idleMs`: how long it waits for the
 * next piece (0: for ever); then it calls `stalled` and the response breaks off.
 */
export function streamBody(
  exchange: Exchange,
  reader: BodyReader,
  idleMs: number,
  stalled: (() => void) | undefined
): void {
  let cancelReady: (() => void) | undefined
  let cancelIdle: (() => void) | undefined
  const stopWaiting = (): void => {
    cancelReady?.()
    cancelIdle?.()
    cancelReady = cancelIdle = undefined
  }
  let over = false
  const end = (): void => {
    if (over) return
    over = true
    stopWaiting()
    reader.release()
  }
  const breakOff = (reason: string): void => {
    end()
    exchange.fail('LB_UPSTREAM_RESET', reason)
  }
  const pump = (): void => {
    stopWaiting()
    for (;;) {
      if (over || exchange.ended) return
      const piece = reader.read()
      if (piece === undefined) break
      exchange.sendOwned(piece)
      if (exchange.ended) return
      if (!exchange.flush()) {
        exchange.onDrained(pump)
        return
      }
    }
    if (reader.ended) {
      end()
      exchange.sendEnd('')
    } else if (reader.failed) {
      breakOff('the fetch that fed this response broke off')
    } else {
      cancelReady = reader.onReady(woken)
      if (idleMs === 0) return
      cancelIdle = exchange.context.clock.after(idleMs, () => {
        stalled?.()
        breakOff('the fetch that feeds this response makes no progress')
      })
    }
  }
  const woken = (): void => guarded(pump, exchange)
  exchange.onGone(end)
  pump()
}
