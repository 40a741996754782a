import type { Clock } from '../core/clock.ts'
import { nextTurn } from '../core/containment.ts'

export const TIMED_OUT = 'Command timed out'

/** A timer that fires this much late shows that this thread was busy, not Redis. */
const LATE_MS = 5

/**
 * What `start` finds, within `withinMs` of Redis' time: an answer that has come while this thread was busy is read before the
 * deadline counts. And while it was busy, the command may not even have been sent: Redis is given as long again as that took,
 * at most `withinMs`.
 */
export function answerInTime<T>(clock: Clock, withinMs: number, start: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const over = () => reject(new Error(TIMED_OUT))
    const end = clock.now() + withinMs
    let cancel = clock.after(withinMs, () => {
      const lateMs = clock.now() - end
      if (lateMs <= LATE_MS) nextTurn(over)
      else cancel = clock.after(Math.min(lateMs, withinMs), () => nextTurn(over))
    })
    new Promise<T>((started) => started(start())).then(resolve, reject).finally(() => cancel())
  })
}
