import { randomBytes } from 'node:crypto'
import type { SharedChallenges } from '../../acme/storage/acme-storage.ts'
import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { ChallengeAnswer, Challenges } from '../../net/tls/challenges.ts'
import { reconnect, type Connection } from '../connect.ts'
import { runScript } from '../script.ts'
import { countUnaware, lookAtChallenges, putChallenge } from './acme-scripts.ts'

export interface InFlightDeps {
  readonly clock: Clock
  readonly connection: Connection
  readonly prefix: string
  /** Of this process, for its workers. */
  readonly challenges: Challenges
}

const LOOK_EVERY_MS = 1_000
/** Instances without a sign of life for this long are not waited for. */
const ALIVE_S = 10
const LONGEST_WAIT_MS = 15_000
const LOOK_AGAIN_MS = 200
/** Lifetime of what a dead instance has left. An authority validates within minutes. */
const LIVES_S = 1_800

/**
 * The pending challenges of all instances: an authority's validation may reach any of them. Each instance reads the
 * challenges once a second and makes them available to its workers; the authority is told to validate only when all
 * living instances have done so.
 */
export class InFlight implements SharedChallenges {
  readonly #deps: InFlightDeps
  readonly #keys: readonly [challenges: string, turn: string, seen: string]
  /** Name of this instance in the list of who has seen what. */
  readonly #name = randomBytes(9).toString('base64url')
  readonly #own = new Set<string>()
  /** Answers of other instances in this one's memory, by field. */
  readonly #taken = new Map<string, ChallengeAnswer>()
  #seen = 0
  #closed = false
  #cancel: () => void = () => {}

  constructor(deps: InFlightDeps) {
    this.#deps = deps
    // All in one slot of a cluster.
    const key = (name: string): string => `${deps.prefix}acme:{in-flight}:${name}`
    this.#keys = [key('challenges'), key('turn'), key('seen')]
  }

  /** Called once connected; resolves when the pending challenges have been read, and other instances know this one. */
  begin(): Promise<void> {
    return this.#look()
  }

  async put(answer: ChallengeAnswer): Promise<() => Promise<void>> {
    const { connection } = this.#deps
    const [challenges, turn] = this.#keys
    const field = `${this.#name}:${randomBytes(9).toString('base64url')}`
    this.#own.add(field)
    const text = JSON.stringify(answer)
    const now = await runScript(connection, putChallenge, [challenges, turn], [field, text, LIVES_S])
    await this.#allKnow(Number(now))
    return async () => {
      this.#own.delete(field)
      await connection.hdel(challenges, field)
    }
  }

  close(): void {
    this.#closed = true
    this.#cancel()
  }

  async #allKnow(turn: number): Promise<void> {
    const { clock, connection } = this.#deps
    const end = clock.now() + LONGEST_WAIT_MS
    while (clock.now() < end && !this.#closed) {
      const unaware = await runScript(connection, countUnaware, [this.#keys[2]], [turn, ALIVE_S])
      if (unaware === 0) return
      await new Promise<void>((resolve) => clock.after(LOOK_AGAIN_MS, resolve))
    }
  }

  async #look(): Promise<void> {
    try {
      const reply = await runScript(this.#deps.connection, lookAtChallenges, this.#keys, [
        this.#name,
        this.#seen
      ])
      const [turn, list] = reply as [number, string[]]
      this.#take(list)
      // The next round tells the others that this one has them.
      const news = turn !== this.#seen
      this.#seen = turn
      if (news && !this.#closed) return await this.#look()
    } catch (error) {
      // Redis is away: known challenges stay, and the next round comes. A primary that hangs may have been replaced.
      if (!this.#closed && /timed out/.test(messageOf(error))) reconnect(this.#deps.connection)
    }
    if (!this.#closed) this.#cancel = this.#deps.clock.after(LOOK_EVERY_MS, () => void this.#look())
  }

  #take(list: readonly string[]): void {
    const { challenges } = this.#deps
    const there = new Set<string>()
    for (let i = 0; i + 1 < list.length; i += 2) {
      const field = list[i]!
      there.add(field)
      if (this.#own.has(field) || this.#taken.has(field)) continue
      const answer = JSON.parse(list[i + 1]!) as ChallengeAnswer
      challenges.put(answer)
      this.#taken.set(field, answer)
    }
    for (const [field, answer] of this.#taken) {
      if (there.has(field)) continue
      challenges.remove(answer)
      this.#taken.delete(field)
    }
  }
}
