import type { Session } from './session.ts'
import type { SessionNews } from './session-news.ts'

/** More than that are not remembered; the oldest are forgotten, and end when they are next refreshed. */
const MAX_ENDED = 100_000

/**
 * Sessions that the provider has ended: their cookies are still out there. Known to all threads, not to other instances,
 * and until the process ends; a session lives no longer than `lastMs`.
 */
export class EndedSessions {
  /** When they ended, in that order. */
  readonly #ended = new Map<string, number>()
  readonly #news: SessionNews
  readonly #lastMs: number

  constructor(news: SessionNews, lastMs: number) {
    this.#news = news
    this.#lastMs = lastMs
    news.listen((each) => {
      if (each.kind === 'ended') this.#add(each.name, each.at)
      else if (each.kind === 'hello')
        for (const [name, at] of this.#ended) news.tell({ kind: 'ended', name, at })
    })
    news.tell({ kind: 'hello' })
  }

  /** All sessions of `sid`, or, without one, those of the user that have begun so far. */
  end(
    { sid, sub }: { readonly sid?: string | undefined; readonly sub?: string | undefined },
    now: number
  ): void {
    const name = sid === undefined ? `sub ${sub}` : `sid ${sid}`
    this.#add(name, now)
    this.#news.tell({ kind: 'ended', name, at: now })
  }

  has({ claims, end }: Pick<Session, 'claims' | 'end'>): boolean {
    if (this.#ended.size === 0) return false
    const begun = end - this.#lastMs
    const ended = (kind: string, name: unknown): boolean =>
      typeof name === 'string' && (this.#ended.get(`${kind} ${name}`) ?? -1) >= begun
    return ended('sid', claims['sid']) || ended('sub', claims['sub'])
  }

  #add(name: string, at: number): void {
    this.#ended.delete(name)
    this.#ended.set(name, at)
    for (const [old, when] of this.#ended) {
      if (this.#ended.size <= MAX_ENDED && when + this.#lastMs > at) break
      this.#ended.delete(old)
    }
  }
}
