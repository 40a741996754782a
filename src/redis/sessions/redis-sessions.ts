import type {
  Begun,
  EndedNews,
  RemoteSessions,
  SessionStores,
  Turn
} from '../../l7/stages/auth/oidc/remote-sessions.ts'
import type { Connection } from '../connect.ts'
import type { Command, RedisLink } from '../redis-link.ts'
import { runScript } from '../script.ts'
import {
  endScript,
  giveTurnScript,
  nameRecordScript,
  takeRecordsScript,
  takeTurnScript
} from './session-scripts.ts'

/** Remembered logouts of one provider, approximately. */
const MAX_ENDED = 100_000
const AT_ONCE = 1000
/** Sessions of one user that a logout removes at once. */
const MAX_NAMED = 1000

/** Opens the sessions of each provider over one link. */
export class RedisSessionStores implements SessionStores {
  readonly id: string
  readonly #link: RedisLink

  constructor(id: string, link: RedisLink) {
    this.id = id
    this.#link = link
  }

  open(provider: string): RemoteSessions {
    return new RedisSessions(this.#link, provider)
  }
}

/**
 * Records, logouts and turns of one provider. Ids, names and tokens are digests, records are encrypted: Redis learns
 * nothing about them.
 */
class RedisSessions implements RemoteSessions {
  readonly #link: RedisLink
  readonly #name: string

  constructor(link: RedisLink, provider: string) {
    this.#link = link
    this.#name = `oidc:${provider}`
  }

  get timeoutMs(): number {
    return this.#link.timeoutMs
  }

  async reachable(): Promise<boolean> {
    await this.#link.known()
    return this.#link.reachable
  }

  read(id: string, after: string, withinMs?: number) {
    return this.#ask(async (connection, prefix) => {
      const [record, ended] = await Promise.all([
        connection.get(this.#record(prefix, id)),
        this.#endedSince(connection, prefix, after)
      ])
      return { record: record ?? undefined, ended }
    }, withinMs)
  }

  write(id: string, record: string, livesMs: number, begun?: Begun) {
    return this.#ask(async (connection, prefix) => {
      const key = this.#record(prefix, id)
      const ms = Math.max(1, Math.ceil(livesMs))
      if (begun === undefined) return (await connection.set(key, record, 'PX', ms, 'XX')) === 'OK'
      const args = [id, Math.floor(begun.at), ms, MAX_NAMED]
      const [reply, ...named] = await Promise.all([
        connection.set(key, record, 'PX', ms),
        ...begun.names.map((name) =>
          runScript(connection, nameRecordScript, [this.#named(prefix, name)], args)
        )
      ])
      named.forEach(expectOk)
      return reply === 'OK'
    })
  }

  remove(id: string) {
    return this.#ask(async (connection, prefix) => {
      await connection.del(this.#record(prefix, id))
      return true as const
    })
  }

  end(names: readonly string[], at: number, livesMs: number) {
    return this.#ask(async (connection, prefix) => {
      const args = [Math.floor(at), Math.ceil(livesMs), MAX_ENDED, ...names]
      expectOk(await runScript(connection, endScript, [this.#stream(prefix)], args))
      for (const name of names) await this.#removeNamed(connection, prefix, name, at)
      return true as const
    })
  }

  /** From now on they are of no use, and hold tokens. */
  async #removeNamed(connection: Connection, prefix: string, name: string, at: number): Promise<void> {
    const key = this.#named(prefix, name)
    const ids = await runScript(connection, takeRecordsScript, [key], [Math.floor(at)])
    if (!Array.isArray(ids)) throw new Error("an answer that is not the script's")
    // One by one: in a cluster each has its own slot.
    await Promise.all(ids.map((id) => connection.del(this.#record(prefix, String(id)))))
  }

  endedSince(after: string) {
    return this.#ask((connection, prefix) => this.#endedSince(connection, prefix, after))
  }

  takeTurn(key: string, owner: string, leaseMs: number) {
    return this.#ask(async (connection, prefix) =>
      turnOf(await runScript(connection, takeTurnScript, this.#turn(prefix, key), [owner, leaseMs]))
    )
  }

  giveTurn(key: string, owner: string, result: string | undefined, keptMs: number) {
    return this.#ask(async (connection, prefix) => {
      const args = [owner, result ?? '', keptMs]
      expectOk(await runScript(connection, giveTurnScript, this.#turn(prefix, key), args))
      return true as const
    })
  }

  #ask<T>(command: Command<T>, withinMs?: number): Promise<T | undefined> {
    return new Promise((resolve) => this.#link.ask(command, resolve, withinMs))
  }

  async #endedSince(connection: Connection, prefix: string, after: string): Promise<EndedNews> {
    // "(" needs Redis 6.2; without it the known entry comes once more.
    const entries = await connection.xrange(this.#stream(prefix), after, '+', 'COUNT', AT_ONCE)
    const ended = entries.map(([, fields]) => ({ name: String(fields[1]), at: Number(fields[3]) }))
    return { last: entries.at(-1)?.[0] ?? after, ended, more: entries.length === AT_ONCE }
  }

  #record(prefix: string, id: string): string {
    return `${prefix}${this.#name}:session:${id}`
  }

  #named(prefix: string, name: string): string {
    return `${prefix}${this.#name}:named:${name}`
  }

  #stream(prefix: string): string {
    return `${prefix}${this.#name}:ended`
  }

  /** In one slot of a cluster. */
  #turn(prefix: string, key: string): string[] {
    return ['turn', 'result'].map((what) => `${prefix}${this.#name}:{${key}}:${what}`)
  }
}

/** Throws on any other answer than the script's: then the server is not what it should be. */
function turnOf(reply: unknown): Turn {
  const [kind, result] = Array.isArray(reply) ? (reply as unknown[]) : []
  if (kind === 'mine' || kind === 'taken') return { kind }
  if (kind === 'done' && typeof result === 'string') return { kind, result }
  throw new Error("an answer that is not the script's")
}

function expectOk(reply: unknown): void {
  if (reply !== 'OK') throw new Error("an answer that is not the script's")
}
