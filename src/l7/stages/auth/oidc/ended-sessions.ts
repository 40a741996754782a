import { hash } from 'node:crypto'
import type { Clock } from '../../../../core/clock.ts'
import type { EndedNews, RemoteSessions } from './remote-sessions.ts'
import type { Session } from './session.ts'
import type { SessionNews } from './session-news.ts'

/** Ended sessions beyond this number are forgotten, the oldest first; those end when they are next refreshed. */
const MAX_ENDED = 100_000
const LOOK_MS = 1000
/** The clocks of this machine and of Redis may differ by this much. */
const SKEW_MS = 60_000

/**
 * Which session: by its id here, by the provider's id, or, with neither, all of a user's sessions that have begun so
 * far.
 */
export interface Ending {
  readonly id?: string | undefined
  readonly sid?: string | undefined
  readonly sub?: string | undefined
}

/**
 * Sessions that were ended early, whose cookies still exist. All threads remember them until the session would have
 * expired, which is after `lastMs` at most; with Redis other instances do too, and a restarted one.
 */
export class EndedSessions {
  /** When they ended, in that order; names are digests. */
  readonly #ended = new Map<string, number>()
  /** Not written to Redis yet. */
  readonly #untold = new Map<string, number>()
  readonly #news: SessionNews
  readonly #lastMs: number
  readonly #clock: Clock
  readonly #remote: RemoteSessions | undefined
  /** The last entry of Redis that was read. */
  #last: string
  #looking = false
  #stop: () => void = () => {}

  constructor(news: SessionNews, lastMs: number, clock: Clock, remote?: RemoteSessions) {
    this.#news = news
    this.#lastMs = lastMs
    this.#clock = clock
    this.#remote = remote
    this.#last = String(Math.max(0, Math.floor(clock.wall() - lastMs - SKEW_MS)))
    news.listen((each) => {
      if (each.kind === 'ended') this.#add(each.name, each.at)
      else if (each.kind === 'hello')
        for (const [name, at] of this.#ended) news.tell({ kind: 'ended', name, at })
    })
    news.tell({ kind: 'hello' })
    if (remote !== undefined) void this.#look()
  }

  /**
   * Takes effect here at once; resolves with whether Redis has it, so that other instances know. If not, it is written
   * later.
   */
  async end(ending: Ending, now: number): Promise<boolean> {
    const { id, sid, sub } = ending
    for (const name of namesOf(id === undefined && sid === undefined ? { sub } : { id, sid })) {
      this.#add(name, now)
      this.#news.tell({ kind: 'ended', name, at: now })
      if (this.#remote !== undefined) this.#untold.set(name, now)
    }
    return this.#tell()
  }

  has({ id, claims, end }: Pick<Session, 'id' | 'claims' | 'end'>): boolean {
    if (this.#ended.size === 0) return false
    const begun = end - this.#lastMs
    return [...namesOf({ id }), ...namesAtProvider(claims)].some(
      (name) => (this.#ended.get(name) ?? -1) >= begun
    )
  }

  /** Where the next reading of Redis begins. */
  get last(): string {
    return this.#last
  }

  /** False when there is more to read. */
  heard({ last, ended, more }: EndedNews): boolean {
    for (const { name, at } of ended) this.#add(name, at)
    if (later(last, this.#last)) this.#last = last
    return !more
  }

  close(): void {
    this.#stop()
    this.#stop = () => {}
  }

  async #look(): Promise<void> {
    this.#stop = this.#clock.after(LOOK_MS, () => void this.#look())
    const remote = this.#remote!
    if (this.#looking) return
    this.#looking = true
    try {
      if (!(await remote.reachable())) return
      await this.#tell()
      for (;;) {
        const news = await remote.endedSince(this.#last)
        if (news === undefined || this.heard(news)) return
      }
    } finally {
      this.#looking = false
    }
  }

  async #tell(): Promise<boolean> {
    const remote = this.#remote
    if (remote === undefined) return true
    if (!(await remote.reachable())) return this.#untold.size === 0
    for (const [name, at] of this.#untold) {
      if ((await remote.end([name], at, this.#lastMs)) === undefined) return false
      if (this.#untold.get(name) === at) this.#untold.delete(name)
    }
    return true
  }

  #add(name: string, at: number): void {
    const known = this.#ended.get(name)
    if (known !== undefined && known >= at) return
    this.#ended.delete(name)
    this.#ended.set(name, at)
    const now = this.#clock.wall()
    for (const [old, when] of this.#ended) {
      if (this.#ended.size <= MAX_ENDED && when + this.#lastMs > now) break
      this.#ended.delete(old)
      this.#untold.delete(old)
    }
  }
}

/** Names that a provider may tell in a logout. */
export function namesAtProvider({ sid, sub }: Session['claims']): string[] {
  return namesOf({ sid: textOf(sid), sub: textOf(sub) })
}

function namesOf({ id, sid, sub }: Ending): string[] {
  const names: string[] = []
  for (const [kind, text] of [
    ['id', id],
    ['sid', sid],
    ['sub', sub]
  ] as const)
    // prettier-ignore
    if (text !== undefined) names.push(hash('sha256', `${kind} ${text}`, 'base64url'))
  return names
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Whether an entry of the stream ("ms-n") comes after another. */
function later(a: string, b: string): boolean {
  const [[ms, n = 0], [otherMs, otherN = 0]] = [a, b].map((each) => each.split('-').map(Number)) as [
    [number, number?],
    [number, number?]
  ]
  return ms !== otherMs ? ms > otherMs : n > otherN
}
