import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/log/log.ts'

interface StopTimes {
  readonly graceMs: number
  readonly delayMs: number
}

/** A stop with an explicit time has no delay. */
export function stopTimes({ graceMs }: { readonly graceMs?: number }, configured: StopTimes): StopTimes {
  return graceMs === undefined ? configured : { graceMs, delayMs: 0 }
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
