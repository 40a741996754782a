import type { Clock } from '../../../../core/clock.ts'
import type { Session } from './session.ts'

/** Requests with the old cookie that were under way meanwhile get the same new session. */
const KEPT_MS = 30_000
const MAX_KEPT = 10_000

/**
 * One refresh for each session at a time: providers that rotate refresh tokens take a second use of one for theft, and end
 * the session. Each thread for itself.
 */
export class Refreshes {
  readonly #clock: Clock
  readonly #kept = new Map<
    string,
    { readonly result: Promise<Session | undefined>; readonly until: number }
  >()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Undefined where the provider refuses it. */
  once(key: string, refresh: () => Promise<Session | undefined>): Promise<Session | undefined> {
    const now = this.#clock.now()
    for (const [old, { until }] of this.#kept) {
      if (now < until && this.#kept.size < MAX_KEPT) break
      this.#kept.delete(old)
    }
    const known = this.#kept.get(key)
    if (known !== undefined) return known.result
    const result = refresh().catch(() => undefined)
    this.#kept.set(key, { result, until: now + KEPT_MS })
    return result
  }
}
