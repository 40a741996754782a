import type { Clock } from '../../../../core/clock.ts'
import type { Session } from './session.ts'
import type { News, SessionNews } from './session-news.ts'

/** Requests with the old cookie that were under way meanwhile get the same new session. */
const KEPT_MS = 30_000
const MAX_KEPT = 10_000
/** Two threads may begin in the same moment; then the provider may refuse one, and this is how long the other's answer is awaited. */
const OTHER_MS = 1000

interface Kept {
  readonly result: Promise<Session | undefined>
  /** What another thread has got. */
  readonly found: (session: Session | undefined) => void
  readonly until: number
}

/**
 * One refresh for each session at a time: providers that rotate refresh tokens take a second use of one for theft, and end
 * the session. Threads tell each other of what they begin and of what they got.
 */
export class Refreshes {
  readonly #clock: Clock
  readonly #news: SessionNews
  readonly #timeoutMs: number
  readonly #kept = new Map<string, Kept>()

  /** `timeoutMs`: how long another thread may take. */
  constructor(clock: Clock, news: SessionNews, timeoutMs: number) {
    this.#clock = clock
    this.#news = news
    this.#timeoutMs = timeoutMs
    news.listen((each) => this.#heard(each))
  }

  /** Undefined where the provider refuses it. */
  once(key: string, refresh: () => Promise<Session | undefined>): Promise<Session | undefined> {
    this.#forget()
    const known = this.#kept.get(key)
    if (known !== undefined) return known.result
    this.#news.tell({ kind: 'begun', key })
    const other = this.#other()
    const result = refresh().then(
      (session) => {
        this.#news.tell({ kind: 'refreshed', key, session })
        return session
      },
      () => {
        this.#clock.after(OTHER_MS, () => other.resolve(undefined))
        return other.promise
      }
    )
    this.#keep(key, result, other.resolve)
    return result
  }

  #heard(news: News): void {
    if (news.kind === 'begun' && !this.#kept.has(news.key)) {
      this.#forget()
      const other = this.#other()
      this.#clock.after(this.#timeoutMs, () => other.resolve(undefined))
      this.#keep(news.key, other.promise, other.resolve)
    } else if (news.kind === 'refreshed' && news.session !== undefined) {
      this.#kept.get(news.key)?.found(news.session)
    }
  }

  #other(): PromiseWithResolvers<Session | undefined> {
    return Promise.withResolvers<Session | undefined>()
  }

  #keep(key: string, result: Promise<Session | undefined>, found: Kept['found']): void {
    this.#kept.set(key, { result, found, until: this.#clock.now() + KEPT_MS })
  }

  #forget(): void {
    const now = this.#clock.now()
    for (const [old, { until }] of this.#kept) {
      if (now < until && this.#kept.size < MAX_KEPT) break
      this.#kept.delete(old)
    }
  }
}
