import type { Clock } from '../../../../core/clock.ts'
import type { Exchange } from '../../../exchange/exchange.ts'
import type { Answer, AuthMethod, Denied, Pending, Proven } from '../auth-method.ts'
import type { MethodContext } from '../method-context.ts'
import { WatchedFile } from '../../watched-file.ts'
import { Decoys } from './decoys.ts'
import { readHtpasswd } from './htpasswd.ts'
import type { BasicInput } from './keys.ts'
import { PasswordThread } from './password-thread.ts'
import { ProvenPairs } from './proven-pairs.ts'

/** Longer fields are refused without decoding. */
const MAX_FIELD = 2048

const MALFORMED: Denied = { kind: 'denied', reason: 'no name and password', guess: true }
const FULL: Denied = {
  kind: 'denied',
  code: 'LB_AUTH_UNAVAILABLE',
  reason: 'too many passwords wait to be hashed'
}
const BROKEN: Denied = {
  kind: 'denied',
  code: 'LB_AUTH_UNAVAILABLE',
  reason: 'the password could not be hashed'
}

/** Names and passwords (RFC 7617), with hashes as htpasswd writes them. */
export class Basic implements AuthMethod {
  readonly name = 'basic'
  readonly #users: () => ReadonlyMap<string, string>
  readonly #roles: ReadonlyMap<string, readonly string[]>
  readonly #proven = new Map<string, Proven>()
  readonly #pairs: ProvenPairs
  /** Of the users as they were when an unknown name came last. */
  #decoys: Decoys | undefined
  readonly #thread: PasswordThread
  /** Requests that wait for the check of the same pair. */
  readonly #asked = new Map<string, Set<(answer: Answer) => void>>()
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #realm: string

  constructor(input: BasicInput, { clock, log, realm }: MethodContext) {
    const { users } = input
    if (typeof users === 'string') {
      const file = new WatchedFile(
        users.slice('file:'.length),
        'credentials',
        new Map<string, string>(),
        readHtpasswd,
        clock,
        log
      ).begin()
      this.#users = () => file.current
    } else {
      const map = new Map(Object.entries(users))
      this.#users = () => map
    }
    this.#roles = new Map(Object.entries(input.roles))
    this.#pairs = new ProvenPairs(input.remember)
    this.#thread = new PasswordThread(input.queue, clock)
    this.#clock = clock
    this.#timeoutMs = input.timeout
    this.#realm = realm
  }

  check(exchange: Exchange): Answer | undefined {
    const field = exchange.request.headers.get('authorization')
    if (field === undefined || !/^basic /i.test(field)) return undefined
    const pair = field.length > MAX_FIELD ? undefined : readPair(field.slice(6).trim())
    if (pair === undefined) return MALFORMED
    const { name, password } = pair
    const users = this.#users()
    const hash = users.get(name)
    if (hash === undefined) {
      if (this.#decoys?.users !== users) this.#decoys = new Decoys(users)
      const other = this.#decoys.of(name)
      return this.#ask(name, password, other, this.#pairs.digest(name, password, other), false)
    }
    const digest = this.#pairs.digest(name, password, hash)
    if (this.#pairs.has(digest, this.#clock.now())) return this.#provenOf(name)
    return this.#ask(name, password, hash, digest, true)
  }

  #ask(name: string, password: string, hash: string, digest: string, exists: boolean): Answer {
    const asked = this.#asked.get(digest)
    if (asked === undefined && this.#thread.full) return FULL
    return {
      kind: 'pending',
      asks: 'a thread to hash the password',
      timeoutMs: this.#timeoutMs,
      account: name,
      start: (done) => {
        const waiting = this.#asked.get(digest)
        if (waiting !== undefined) {
          waiting.add(done)
          return () => waiting.delete(done)
        }
        const all = new Set([done])
        this.#asked.set(digest, all)
        this.#thread.verify(password, hash, (right) => {
          this.#asked.delete(digest)
          const answer = this.#answer(name, digest, right === undefined ? undefined : right && exists)
          for (const each of all) each(answer)
        })
        return () => all.delete(done)
      }
    } satisfies Pending
  }

  #answer(name: string, digest: string, right: boolean | undefined): Answer {
    if (right === undefined) return BROKEN
    if (!right) return { kind: 'denied', reason: 'wrong name or password', guess: true, account: name }
    this.#pairs.add(digest, this.#clock.now())
    return this.#provenOf(name)
  }

  /** A proven pair has passed the throttle before it was hashed. */
  #provenOf(name: string): Proven {
    let proven = this.#proven.get(name)
    if (proven === undefined) {
      const identity = { name, roles: this.#roles.get(name) ?? [], by: 'basic' }
      proven = { kind: 'proven', identity, beyondGuessing: true, lastClient: '' }
      this.#proven.set(name, proven)
    }
    return proven
  }

  challenge(): string {
    return `Basic realm="${this.#realm}", charset="UTF-8"`
  }

  strip(exchange: Exchange): void {
    exchange.setRequestField('authorization', undefined)
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Decoded as UTF-8 or, for old clients, latin1. */
function readPair(text: string): { name: string; password: string } | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64')
  let pair: string
  try {
    pair = utf8.decode(bytes)
  } catch {
    pair = bytes.toString('latin1')
  }
  const colon = pair.indexOf(':')
  // RFC 7617 §2: no control characters.
  if (colon < 1 || /[\u0000-\u001f\u007f]/.test(pair)) return undefined
  return { name: pair.slice(0, colon), password: pair.slice(colon + 1) }
}
