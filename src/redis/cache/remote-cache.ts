import { randomBytes } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import type { Purge } from '../../l7/cache/ports.ts'
import { steadyNow } from '../../l7/cache/steady-now.ts'
import type { Connection } from '../connect.ts'
import type { RedisLink } from '../redis-link.ts'
import { atOnce, runScript, runScriptAtOnce, runScriptForBytes } from '../script.ts'
import { commitScript, holdScript, openScript, releaseScript, removeScript } from './entry-scripts.ts'
import type { CacheNames } from './names.ts'
import { newsOf } from './purges/news.ts'
import { purgeText, readPurge } from './purges/purge.ts'
import { PurgeList } from './purges/purge-list.ts'
import { purgeScript, readPurgesScript } from './purges/purge-scripts.ts'
import type { TierWords } from './tier-words.ts'
import { decodeHead, type Read } from './wire-head.ts'

/** A claim can be taken over this long after the last sign of life of its holder. */
export const LEASE_MS = 2000
export const PIECE_BYTES = 64 * 1024
/** Length of checksum and id. */
const START_BYTES = 31
/** Pieces of a body whose head never came expire after this. */
const PIECE_LIFE_MS = 120_000

export interface Found {
  readonly kind: 'entry'
  readonly head: Read
  readonly first: Buffer
  /** Another entry is about to replace it. */
  readonly replacing: boolean
  /** Add it to a time of the server for a time of this machine that is not later than the true one. */
  readonly offsetMs: number
  /** Since when it counts as stale, by the server's clock in ms; 0: it does not. */
  readonly staleAt: number
}

export interface Committed {
  readonly token: string
  readonly id: string
  readonly pieces: number
  /** Time of the server, in ms. */
  readonly askedAt: number | undefined
}

/** `storing`: the holder of the claim has got upstream's answer. `purged`: the stored entry must not be used. */
export type Opened =
  | Found
  | { readonly kind: 'claimed' | 'nothing' }
  | { readonly kind: 'taken'; readonly storing: boolean }
  | { readonly kind: 'unreadable'; readonly start: Buffer }

export interface RemoteCacheDeps {
  readonly link: RedisLink
  readonly names: CacheNames
  readonly words: TierWords
  readonly clock: Clock
  /** Identifies this process, which ignores its own news. */
  readonly instance: string
}

/** The entries of one cache in Redis, for one thread. */
export class RemoteCache {
  readonly clock: Clock
  readonly words: TierWords
  readonly #link: RedisLink
  readonly #names: CacheNames
  readonly #instance: string
  readonly #purges = new PurgeList()

  constructor({ link, names, words, clock, instance }: RemoteCacheDeps) {
    this.#link = link
    this.#names = names
    this.#instance = instance
    this.words = words
    this.clock = clock
  }

  /** False: do not read or write now. */
  get usable(): boolean {
    const { applied, unsent, deaf } = this.words
    return this.#link.usable && applied >= 0 && unsent === 0 && !deaf
  }

  /** Removals are sent even where nothing is read or written: they may not wait for a purge that is on its way. */
  get reachable(): boolean {
    return this.#link.reachable
  }

  /** It has just left a question without an answer: nobody need wait for the next one. */
  get hangs(): boolean {
    return this.#link.reachable && !this.#link.usable
  }

  get timeoutMs(): number {
    return this.#link.timeoutMs
  }

  /** Longest wait for other instances that have to remove something. */
  get confirmTimeoutMs(): number {
    return this.#link.confirmTimeoutMs
  }

  now(): number {
    return steadyNow(this.clock)
  }

  token(): string {
    return randomBytes(16).toString('base64url')
  }

  /** With a token, a missing entry is claimed. `unreadable`: beginning of a head that counts as missing. */
  open(
    key: string,
    token: string,
    unreadable: Buffer | undefined,
    withinMs: number,
    done: (opened: Opened | undefined) => void
  ): void {
    const { head, claim } = this.#names.entry(key)
    this.#link.ask(
      async (connection) => {
        const sent = this.now()
        const [reply, last] = await Promise.all([
          runScriptForBytes(connection, openScript, [head, claim], [token, LEASE_MS, unreadable ?? '']),
          connection.get(this.#names.sequence)
        ])
        await this.#hear(connection, Number(last ?? 0))
        return this.#opened(key, reply, sent)
      },
      done,
      withinMs
    )
  }

  /** Pieces from `from` on, at most `count`, in order; undefined for a missing one. */
  pieces(
    { key, id }: Pick<Read, 'key' | 'id'>,
    from: number,
    count: number,
    withinMs: number,
    done: (pieces: readonly (Buffer | null)[] | undefined) => void
  ): void {
    const { head } = this.#names.entry(key)
    const names = Array.from({ length: count }, (_, i) => this.#names.piece(head, id, from + i))
    this.#link.ask(
      (connection) => Promise.all(names.map((name) => connection.getBuffer(name))),
      done,
      withinMs
    )
  }

  /**
   * Prolongs a claim, or takes it. Taken, it is sent before this returns: the answer goes to the client after that, so whoever has
   * it and asks another instance is waited for there until the new entry is in Redis. `done` gets the offset that turns a time of this machine into one of the server, not
   * later than the true one.
   */
  hold(
    key: string,
    token: string,
    { storing, take }: { readonly storing: boolean; readonly take: boolean },
    done: (offsetMs: number | undefined) => void
  ): void {
    const { head, claim } = this.#names.entry(key)
    const args = [token, LEASE_MS, storing ? 'f' : 'r', take ? '1' : '0']
    this.#link.ask(
      async (connection) => {
        const run = take ? runScriptAtOnce : runScript
        const reply = await run(connection, holdScript, [head, claim], args)
        const received = this.now()
        const [seconds, micros, ours] = numbers(reply, 3)
        return { offsetMs: ours === 1 ? seconds! * 1000 + micros! / 1000 - received : undefined }
      },
      (held) => done(held?.offsetMs)
    )
  }

  release(key: string, token: string): void {
    const { head, claim } = this.#names.entry(key)
    this.#tell((connection) => runScript(connection, releaseScript, [head, claim], [token]))
  }

  put(key: string, id: string, index: number, piece: Buffer, done: (stored: boolean) => void): void {
    const name = this.#names.piece(this.#names.entry(key).head, id, index)
    this.#link.ask(
      (connection) => connection.set(name, piece, 'PX', PIECE_LIFE_MS),
      (reply) => done(reply === 'OK')
    )
  }

  /** Publishes what was stored under `id`. */
  commit(
    key: string,
    { token, id, pieces, askedAt }: Committed,
    written: Buffer,
    lifeMs: number,
    done: (stored: boolean) => void
  ): void {
    const { head, claim, gone } = this.#names.entry(key)
    const names = Array.from({ length: pieces }, (_, i) => this.#names.piece(head, id, i))
    const asked = askedAt === undefined ? '' : Math.floor(askedAt * 1000)
    const args = [token, written, lifeMs, this.#names.news, newsOf(this.#instance, key), asked]
    this.#link.ask(
      (connection) => runScript(connection, commitScript, [head, claim, gone, ...names], args),
      (reply) => done(reply === 1)
    )
  }

  /** `ask`: what other instances confirm it by. `done` with false: it may still be there. */
  remove(key: string, ask: string | undefined, done: (removed: boolean) => void): void {
    const { head, claim, gone } = this.#names.entry(key)
    const args = [this.#names.news, newsOf('', key, ask)]
    this.#link.ask(
      async (connection) => {
        // Counted first: whoever begins to hear and finds the count unchanged has missed nothing.
        const counted = connection.isCluster
          ? connection.incr(this.#names.removals)
          : atOnce(connection.pipeline().incr(this.#names.removals))
        // At once, too: it would end a claim of the same turn that is meant to follow it.
        const [reply] = await Promise.all([
          runScriptAtOnce(connection, removeScript, [head, claim, gone], args),
          counted
        ])
        return reply
      },
      (reply) => done(reply === 1)
    )
  }

  purge(purge: Purge, ask: string | undefined, done: (sent: boolean) => void): void {
    const { sequence, log, news } = this.#names
    const args = [Math.max(0, this.words.applied), news, purgeText(purge, { ask })]
    this.#link.ask(
      (connection) => runScript(connection, purgeScript, [sequence, log], args),
      (reply) => done(typeof reply === 'number')
    )
  }

  #tell(command: (connection: Connection) => Promise<unknown>): void {
    if (this.#link.reachable) this.#link.ask(command, () => {})
  }

  /** Knows the purges up to `last` when it returns: with many loads at once, others may read them, or some of them, meanwhile. */
  async #hear(connection: Connection, last: number): Promise<void> {
    const { sequence, log } = this.#names
    let { known } = this.#purges
    while (last !== known) {
      const from = last < known ? -1 : known
      const reply = await runScript(connection, readPurgesScript, [sequence, log], [from, -1])
      if (!Array.isArray(reply)) throw new Error("an answer that is not the script's")
      if (this.#purges.known === known) {
        this.#purges.add(
          Number(reply[0]),
          reply.slice(1).map((line) => readPurge(String(line)))
        )
        return
      }
      ;({ known } = this.#purges)
      if (known > last) return
    }
  }

  #opened(key: string, reply: unknown, sent: number): Opened {
    if (!Array.isArray(reply) || reply.length !== 5 || !Buffer.isBuffer(reply[2]))
      throw new Error("an answer that is not the script's")
    const [seconds, micros, written, rest, phase] = reply as [Buffer, Buffer, Buffer, Buffer, Buffer]
    if (written.length === 0) {
      const state = String(rest)
      if (state === '1') return { kind: 'claimed' }
      return state === '0' ? { kind: 'nothing' } : { kind: 'taken', storing: state === 'f' }
    }
    const head = decodeHead(written)
    const readable = head !== undefined && head.key === key
    if (!readable || !this.#purges.permits(head.purge, key, head.tags))
      return { kind: 'unreadable', start: written.subarray(0, START_BYTES) }
    return {
      kind: 'entry',
      head,
      first: rest,
      replacing: String(phase) === 'f',
      offsetMs: sent - (Number(seconds) * 1000 + Number(micros) / 1000),
      staleAt: this.#purges.staleAt(head.purge, key, head.tags)
    }
  }
}

function numbers(reply: unknown, count: number): number[] {
  const found = Array.isArray(reply) ? reply.map(Number) : []
  if (found.length !== count || !found.every(Number.isFinite))
    throw new Error("an answer that is not the script's")
  return found
}
