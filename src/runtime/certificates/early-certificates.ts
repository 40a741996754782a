import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/log/log.ts'
import type { ReapplySoon } from './reapply-soon.ts'

/** Dates in certificates are whole seconds, and clocks may differ by one. */
const AFTER_MS = 1_000
/** Longer timers are split. */
const LONGEST_SLEEP_MS = 86_400_000
/** Interval of reading files again that are wrong. */
const WRONG_AGAIN_MS = 30_000

/** Certificates that were refused because they are not valid yet: they are tried again when they are. */
export class EarlyCertificates {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #again: ReapplySoon
  /** File → wall clock from which it is valid. */
  readonly #waiting = new Map<string, number>()
  #cancel: (() => void) | undefined

  constructor(clock: Clock, log: Logger, again: ReapplySoon) {
    this.#clock = clock
    this.#log = log
    this.#again = again
  }

  /** Adds one; logged once. */
  refused(file: string, validFrom: number): void {
    if (this.#waiting.get(file) === validFrom) return
    this.#waiting.set(file, validFrom)
    const at = new Date(validFrom).toISOString()
    this.#log.warn(
      { file, validFrom: at },
      `certificate ${file} is valid from ${at} on, and is tried again then`
    )
    this.#sleep()
  }

  /** A file is wrong: it may be read again without having changed. */
  later(): void {
    this.#again.soon(WRONG_AGAIN_MS)
  }

  close(): void {
    this.#cancel?.()
    this.#waiting.clear()
  }

  #sleep(): void {
    this.#cancel?.()
    this.#cancel = undefined
    if (this.#waiting.size === 0) return
    const next = Math.min(...this.#waiting.values()) + AFTER_MS - this.#clock.wall()
    this.#cancel = this.#clock.after(Math.min(Math.max(next, 0), LONGEST_SLEEP_MS), () => this.#look())
  }

  #look(): void {
    const now = this.#clock.wall()
    for (const [file, validFrom] of this.#waiting) {
      if (validFrom + AFTER_MS > now) continue
      this.#waiting.delete(file)
      this.#again.soon()
    }
    this.#sleep()
  }
}
