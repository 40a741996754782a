import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/log/log.ts'

interface StopTimes {
  readonly graceMs: number
  readonly delayMs: number
}

/** 24 days: setTimeout takes 31 bits of milliseconds, and workers are waited for a little longer. */
const LONGEST_MS = 24 * 86_400_000

/** A stop with an explicit time has no delay. Throws a TypeError where it is none. */
export function stopTimes({ graceMs }: { readonly graceMs?: number }, configured: StopTimes): StopTimes {
  if (graceMs === undefined) return configured
  if (typeof graceMs !== 'number' || !(graceMs >= 0))
    throw new TypeError(`graceMs is a number of milliseconds from 0, not ${String(graceMs)}`)
  return { graceMs: Math.min(graceMs, LONGEST_MS), delayMs: 0 }
}

export function stoppedWords(cut: number, { graceMs }: StopTimes): string {
  return cut === 0 ? 'stopped' : `stopped; ${cut} connections were closed after ${graceMs} ms`
}

/** The time between a signal and the stop (`shutdown.delay`), in which only /readyz changes. */
export class StopDelay {
  #cut = false
  #end: () => void = () => {}

  /** Resolves with whether a stop is still needed. */
  async pass({ delayMs, graceMs }: StopTimes, clock: Clock, log: Logger): Promise<boolean> {
    if (delayMs > 0) {
      log.info({ delayMs }, 'about to stop: /readyz fails, everything else is served as before')
      await new Promise<void>((resolve) => {
        this.#end = resolve
        clock.after(delayMs, resolve)
      })
    }
    if (!this.#cut) log.info({ graceMs }, 'stopping: no new connections, open ones may finish')
    return !this.#cut
  }

  /** It has been killed meanwhile. */
  cut(): void {
    this.#cut = true
    this.#end()
  }
}
