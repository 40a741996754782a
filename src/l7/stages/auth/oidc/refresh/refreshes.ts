import { randomBytes } from 'node:crypto'
import type { Clock } from '../../../../../core/clock.ts'
import { RefreshRefused } from './refresh-refused.ts'
import type { RefreshTurns } from './refresh-turns.ts'
import type { RemoteSessions } from '../remote-sessions.ts'
import type { Seal } from '../seal.ts'
import type { Session } from '../session.ts'
import type { News, SessionNews } from '../session-news.ts'

/** Requests with the old cookie that were under way get the same new session for this long. */
const KEPT_MS = 30_000
/** Time to the next try after a failure that says nothing about the session. */
const AGAIN_MS = 1000
const MAX_KEPT = 10_000
/**
 * Turns belong to a listener. With another listener the provider may refuse one of two refreshes; this is how long the
 * other's result is awaited.
 */
const OTHER_MS = 1000
const LOOK_AGAIN_MS = 25
/** The provider may take `timeoutMs`; a holder that keeps the turn this much longer is dead. */
const LEASE_BEYOND_MS = 2000

type Keep = (session: Session) => Promise<boolean>

interface Kept {
  readonly result: Promise<Session | undefined>
  /** Called with the session that another thread got. */
  readonly found: (session: Session) => void
  until: number
}

export interface RefreshesDeps {
  readonly clock: Clock
  readonly news: SessionNews
  /** How long the provider may take. */
  readonly timeoutMs: number
  readonly turns: RefreshTurns | undefined
  readonly remote: RemoteSessions | undefined
  readonly seal: Seal
}

/**
 * One refresh per session at a time: providers that rotate refresh tokens treat a second use of one as theft, and end
 * the session. Threads take turns in shared memory, instances in Redis, and tell each other the results.
 */
export class Refreshes {
  readonly #deps: RefreshesDeps
  readonly #kept = new Map<string, Kept>()

  constructor(deps: RefreshesDeps) {
    this.#deps = deps
    deps.news.listen((each: News) => {
      if (each.kind === 'refreshed') this.#heard(each.key, each.session)
    })
  }

  /**
   * `key`: a digest of the refresh token, in hex. Undefined when the provider refuses it; rejects when nothing could be
   * learnt. `keep` stores the new session before anyone else may refresh it; it returns false when the session has
   * ended meanwhile.
   */
  once(
    key: string,
    refresh: () => Promise<Session | undefined>,
    keep: Keep = () => Promise.resolve(true)
  ): Promise<Session | undefined> {
    this.#forget()
    const known = this.#kept.get(key)
    if (known !== undefined) return known.result
    const other = Promise.withResolvers<Session | undefined>()
    const result = this.#among(key, other.promise, refresh, keep)
    const kept = { result, found: other.resolve, until: this.#deps.clock.now() + KEPT_MS }
    this.#kept.set(key, kept)
    result.catch(() => {
      kept.until = this.#deps.clock.now() + AGAIN_MS
      this.#deps.clock.after(AGAIN_MS, () => this.#kept.get(key) === kept && this.#kept.delete(key))
    })
    return result
  }

  /** Stored even if no request waits: one with the old token may be on its way. */
  #heard(key: string, session: Session): void {
    const known = this.#kept.get(key)
    if (known !== undefined) return known.found(session)
    this.#forget()
    const until = this.#deps.clock.now() + KEPT_MS
    this.#kept.set(key, { result: Promise.resolve(session), found: () => {}, until })
  }

  /** Takes the turn among the threads of this process. */
  async #among(
    key: string,
    other: Promise<Session | undefined>,
    refresh: () => Promise<Session | undefined>,
    keep: Keep
  ): Promise<Session | undefined> {
    const { clock, turns, news, timeoutMs } = this.#deps
    const end = clock.now() + timeoutMs
    for (;;) {
      const turn = turns?.take(key, clock.now(), timeoutMs + LEASE_BEYOND_MS) ?? 'mine'
      if (turn === 'mine') break
      const found = await Promise.race([other, this.#pause(LOOK_AGAIN_MS)])
      if (found !== undefined) return found
      if (clock.now() >= end) throw new Error('another thread did not finish the refresh in time')
    }
    let session: Session | undefined
    try {
      session = await this.#amongInstances(key, refresh, keep)
      if (session !== undefined) news.tell({ kind: 'refreshed', key, session })
    } catch (error) {
      if (!(error instanceof RefreshRefused)) throw error
      session = await Promise.race([other, this.#pause(OTHER_MS)])
    } finally {
      turns?.give(key, session !== undefined, clock.now())
    }
    return session
  }

  async #amongInstances(
    key: string,
    refresh: () => Promise<Session | undefined>,
    keep: Keep
  ): Promise<Session | undefined> {
    const { clock, remote, seal, timeoutMs } = this.#deps
    // Without Redis, or without an answer from it, each instance is on its own.
    if (remote === undefined || !(await remote.reachable())) return this.#refreshAndKeep(refresh, keep)
    const owner = randomBytes(12).toString('base64url')
    const end = clock.now() + timeoutMs
    for (;;) {
      const turn = await remote.takeTurn(key, owner, timeoutMs + LEASE_BEYOND_MS)
      if (turn === undefined) throw new Error('Redis does not say whose turn it is to refresh')
      if (turn.kind === 'done') return seal.open<Session>(`refreshed ${key}`, turn.result)
      if (turn.kind === 'mine') break
      if (clock.now() >= end) throw new Error('another instance did not finish the refresh in time')
      await this.#pause(LOOK_AGAIN_MS)
    }
    let session: Session | undefined
    try {
      session = await this.#refreshAndKeep(refresh, keep)
    } finally {
      const result = session && seal.close(`refreshed ${key}`, session)
      await remote.giveTurn(key, owner, result, KEPT_MS)
    }
    return session
  }

  async #refreshAndKeep(
    refresh: () => Promise<Session | undefined>,
    keep: Keep
  ): Promise<Session | undefined> {
    const session = await refresh()
    return session !== undefined && (await keep(session)) ? session : undefined
  }

  #pause(ms: number): Promise<undefined> {
    return new Promise((resolve) => void this.#deps.clock.after(ms, () => resolve(undefined)))
  }

  #forget(): void {
    const now = this.#deps.clock.now()
    for (const [old, { until }] of this.#kept) {
      if (now < until && this.#kept.size < MAX_KEPT) break
      this.#kept.delete(old)
    }
  }
}
