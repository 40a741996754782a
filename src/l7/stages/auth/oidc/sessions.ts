import { hash } from 'node:crypto'
import type { Clock } from '../../../../core/clock.ts'
import type { CookieJar } from './cookies/cookie-jar.ts'
import { type EndedSessions, namesAtProvider } from './ended-sessions.ts'
import type { RemoteSessions } from './remote-sessions.ts'
import type { Seal } from './seal.ts'
import type { Session } from './session.ts'

/** A bound for a record with large tokens. */
const MAX_RECORD = 256 * 1024

export interface SessionsDeps {
  readonly clock: Clock
  readonly seal: Seal
  readonly jar: CookieJar
  readonly ended: EndedSessions
  /** Undefined: the cookie holds the session itself. */
  readonly remote: RemoteSessions | undefined
}

/**
 * Where sessions are stored: completely in their cookies, or in Redis under an id in the cookie. Both are encrypted, and
 * for one host: the application behind one host could otherwise show the cookies that it sees to another.
 */
export class Sessions {
  readonly #deps: SessionsDeps

  constructor(deps: SessionsDeps) {
    this.#deps = deps
  }

  get remote(): RemoteSessions | undefined {
    return this.#deps.remote
  }

  /** The session in a cookie of `host`; undefined when it has ended. */
  sealed(field: string | undefined, host: string): Session | undefined {
    const { jar, seal } = this.#deps
    const text = jar.read(field)
    return this.#standing(text === undefined ? undefined : seal.open<Session>(`session ${host}`, text))
  }

  /** The id, from a cookie of `host` that refers to a session in Redis. */
  idOf(field: string | undefined, host: string): string | undefined {
    const { jar, seal } = this.#deps
    const text = jar.read(field)
    return text === undefined ? undefined : seal.open<{ readonly id: string }>(`session id ${host}`, text)?.id
  }

  /** Rejects when Redis does not answer: it is unknown then whether the session has ended. */
  async read(id: string, withinMs?: number): Promise<Session | undefined> {
    const { remote, seal, ended } = this.#deps
    if (!(await remote!.reachable())) throw new Error('it is not reachable')
    const found = await remote!.read(digestOf(id), ended.last, withinMs)
    if (found === undefined) throw new Error('no answer')
    let all = ended.heard(found.ended)
    while (!all) {
      const more = await remote!.endedSince(ended.last)
      if (more === undefined) throw new Error('no answer')
      all = ended.heard(more)
    }
    return this.#standing(
      found.record === undefined ? undefined : seal.open<Session>(`record ${id}`, found.record)
    )
  }

  /**
   * Rejects when Redis does not store it. `existing`: it was refreshed. False: it has ended meanwhile, or is too large.
   */
  async save(session: Session, existing: boolean): Promise<boolean> {
    const { remote, seal, clock } = this.#deps
    if (remote === undefined) return true
    const record = seal.close(`record ${session.id}`, session)
    if (record.length > MAX_RECORD) return false
    const now = clock.wall()
    const begun = existing ? undefined : { at: now, names: namesAtProvider(session.claims) }
    const taken = await remote.write(digestOf(session.id), record, session.end - now, begun)
    if (taken === undefined) throw new Error('it does not take the session')
    return taken
  }

  async remove(id: string): Promise<void> {
    await this.#deps.remote?.remove(digestOf(id))
  }

  /** Set-Cookie lines for `host`; '' where the session is too large for cookies. */
  lines(session: Session, host: string, attributes: string): string {
    const { jar, seal, remote, clock } = this.#deps
    const seconds = Math.max(1, Math.floor((session.end - clock.wall()) / 1000))
    const text =
      remote === undefined
        ? seal.close(`session ${host}`, session)
        : seal.close(`session id ${host}`, { id: session.id })
    return jar.write(text, `${attributes}; Max-Age=${seconds}`)
  }

  #standing(session: Session | undefined): Session | undefined {
    return session === undefined || this.#deps.ended.has(session) ? undefined : session
  }
}

function digestOf(id: string): string {
  return hash('sha256', id, 'base64url')
}
