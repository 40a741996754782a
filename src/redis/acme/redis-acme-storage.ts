import { createHash, randomBytes } from 'node:crypto'
import { StorageError, type AcmeStorage, type Lock } from '../../acme/storage/acme-storage.ts'
import type { AccountRecord, NameRecord } from '../../acme/storage/records.ts'
import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { Challenges } from '../../net/tls/challenges.ts'
import { connect, type Connection } from '../connect.ts'
import type { RedisPlan } from '../redis-plan.ts'
import { runScript } from '../script.ts'
import { releaseLock, renewLock, writeLocked } from './acme-scripts.ts'
import { InFlight } from './in-flight.ts'
import { RedisStaple } from './redis-staple.ts'

/** A lock outlives its process by at most this, and survives an outage of Redis of at least this. */
const LOCK_MS = 60_000
const RENEW_MS = 15_000
const MAX_NAMES = 10_000
/** While lb starts, the connection is still being opened. */
const FIRST_WAIT_MS = 3_000

/**
 * Accounts, certificates and orders that several instances share. Keys are stored in clear: that Redis must be as safe
 * as a disk.
 */
export class RedisAcmeStorage implements AcmeStorage {
  readonly shared: InFlight
  readonly #connection: Connection
  readonly #clock: Clock
  readonly #prefix: string
  /** Locks that this process holds → token. */
  readonly #held = new Map<string, string>()
  readonly #ready: Promise<void>

  constructor(plan: RedisPlan, clock: Clock, challenges: Challenges) {
    this.#clock = clock
    this.#prefix = plan.config.prefix
    const connection = (this.#connection = connect(plan))
    // Failures are reported by the commands that fail.
    connection.on('error', () => {})
    const shared = (this.shared = new InFlight({ clock, connection, prefix: this.#prefix, challenges }))
    this.#ready = new Promise((resolve) => {
      connection.once('ready', () => void shared.begin().then(resolve))
      clock.after(FIRST_WAIT_MS, resolve)
    })
  }

  account(authority: string): Promise<AccountRecord | undefined> {
    return this.#read<AccountRecord>(authority)
  }

  writeAccount(record: AccountRecord): Promise<void> {
    return this.#write(record.authority, record)
  }

  name(name: string): Promise<NameRecord | undefined> {
    return this.#read<NameRecord>(name)
  }

  async writeName(record: NameRecord): Promise<void> {
    await this.#write(record.name, record)
    if (record.onDemand !== undefined) await this.#connection.sadd(this.#onDemandKey, record.name)
  }

  async onDemand(): Promise<readonly NameRecord[]> {
    await this.#ready
    const names = (await this.#connection.smembers(this.#onDemandKey)).slice(0, MAX_NAMES)
    const records = await Promise.all(names.map((name) => this.name(name).catch(() => undefined)))
    return records.flatMap((record) => (record?.onDemand === undefined ? [] : [record]))
  }

  async forget(name: string): Promise<void> {
    await this.#connection.del(this.#key(name, 'record'))
    await this.#connection.srem(this.#onDemandKey, name)
  }

  async lock(what: string): Promise<Lock | undefined> {
    await this.#ready
    if (this.#held.has(what)) return undefined
    const key = this.#key(what, 'lock')
    const token = randomBytes(12).toString('base64url')
    if ((await this.#connection.set(key, token, 'PX', LOCK_MS, 'NX')) !== 'OK') return undefined
    this.#held.set(what, token)
    let cancel = (): void => {}
    const renew = (): void => {
      cancel = this.#clock.after(RENEW_MS, () => {
        runScript(this.#connection, renewLock, [key], [token, LOCK_MS]).catch(() => {})
        renew()
      })
    }
    renew()
    return {
      release: async () => {
        cancel()
        this.#held.delete(what)
        await runScript(this.#connection, releaseLock, [key], [token])
      }
    }
  }

  /** An OCSP response, by the request for it. */
  stapleStore(request: Buffer): RedisStaple {
    const name = createHash('sha256').update(request).digest('hex').slice(0, 40)
    return new RedisStaple(`${this.#prefix}acme:ocsp:${name}`, this.#connection, this.#ready, this.#clock)
  }

  close(): void {
    this.shared.close()
    this.#connection.disconnect()
  }

  async #read<T>(what: string): Promise<T | undefined> {
    await this.#ready
    const text = await this.#connection.get(this.#key(what, 'record'))
    if (text === null) return undefined
    try {
      return JSON.parse(text) as T
    } catch (error) {
      throw new Error(
        `what Redis has of ${what} is damaged; delete ${this.#key(what, 'record')} to begin anew`,
        {
          cause: error
        }
      )
    }
  }

  async #write(what: string, value: object): Promise<void> {
    try {
      await this.#put(what, value)
    } catch (error) {
      throw new StorageError(`what there is of ${what} cannot be written: ${messageOf(error)}`, {
        cause: error
      })
    }
  }

  async #put(what: string, value: object): Promise<void> {
    const [text, token] = [JSON.stringify(value), this.#held.get(what)]
    const [lock, record] = [this.#key(what, 'lock'), this.#key(what, 'record')]
    if (token === undefined) {
      await this.#connection.set(record, text)
      return
    }
    const written = await runScript(this.#connection, writeLocked, [lock, record], [token, text])
    if (written !== 1) throw new Error(`another process has taken the lock of ${what}`)
  }

  /** A lock and its record are in one slot of a cluster. */
  #key(what: string, part: 'lock' | 'record'): string {
    const name = what.includes('/')
      ? `account-${createHash('sha256').update(what).digest('hex').slice(0, 16)}`
      : what
    return `${this.#prefix}acme:{${name}}:${part}`
  }

  get #onDemandKey(): string {
    return `${this.#prefix}acme:on-demand`
  }
}
