import type { Clock } from '../../core/clock.ts'
import type { Connection } from '../connect.ts'

/**
 * An OCSP response that several instances share; it expires with the response. While Redis is away each instance keeps
 * its own.
 */
export class RedisStaple {
  readonly shared = true
  readonly #key: string
  readonly #connection: Connection
  readonly #ready: Promise<void>
  readonly #clock: Clock

  /** `ready`: the connection is open, or did not open in time. */
  constructor(key: string, connection: Connection, ready: Promise<void>, clock: Clock) {
    this.#key = key
    this.#connection = connection
    this.#ready = ready
    this.#clock = clock
  }

  async read(): Promise<Buffer | undefined> {
    try {
      await this.#ready
      return (await this.#connection.getBuffer(this.#key)) ?? undefined
    } catch {
      return undefined
    }
  }

  write(bytes: Buffer, until: number): void {
    const ms = Math.round(until - this.#clock.wall())
    if (ms > 0) this.#connection.set(this.#key, bytes, 'PX', ms).catch(() => {})
  }

  remove(): void {
    this.#connection.del(this.#key).catch(() => {})
  }
}
