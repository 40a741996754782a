import type { Backend } from '../../../balancer/pool/backend.ts'
import type { Pool } from '../../../balancer/pool/pool.ts'
import { StickyCookies } from '../../../balancer/pool/sticky-cookies.ts'
import type { StickyConfig } from '../../../config/model/model.ts'
import { clientScheme } from '../../headers/client-scheme.ts'
import type { Clock } from '../../../core/clock.ts'
import { flat } from '../../../core/flat.ts'
import { cookieValue } from '../../../core/cookies.ts'
import type { Request } from '../../message/request.ts'

/** The parts of an exchange that are used here. */
interface Asked {
  readonly request: Request
  readonly scheme: 'http' | 'https'
  readonly trusted: boolean
}

/** A digest identifies the backend; the time of issue follows. */
const DIGEST_DIGITS = 32

/** Keeps a client on the backend that answered it first, by a cookie (RFC 6265) that identifies it opaquely. */
export class Sticky {
  readonly #cookies: StickyCookies
  readonly #config: StickyConfig
  readonly #clock: Pick<Clock, 'wall'>
  /** By value, without and with Secure: one for each backend. */
  readonly #lines = [new Map<string, string>(), new Map<string, string>()] as const

  constructor(pool: Pool, config: StickyConfig, clock: Pick<Clock, 'wall'>) {
    this.#config = config
    this.#clock = clock
    this.#cookies = new StickyCookies(
      pool.name,
      pool.backends.map((backend) => backend.name)
    )
  }

  /**
   * Name of the backend that the request's cookie identifies, the first of several; undefined without a cookie of this
   * pool.
   */
  read(exchange: Asked): string | undefined {
    const value = this.#given(exchange)
    return value === undefined ? undefined : this.#cookies.backendOf(value.slice(0, DIGEST_DIGITS))
  }

  #given(exchange: Asked): string | undefined {
    return cookieValue(exchange.request.headers.get('cookie'), this.#config.cookie)
  }

  /** The Set-Cookie line for a response of `backend`; '' when the client has that cookie already. */
  cookieFor(exchange: Asked, backend: Backend): string {
    const { ttlMs, secure } = this.#config
    let value = this.#cookies.valueOf(backend.name)
    // With a time to live the cookie is renewed, by the first response in each half of that time.
    if (ttlMs !== undefined) value += `.${Math.floor((2 * this.#clock.wall()) / ttlMs).toString(36)}`
    if (this.#given(exchange) === value) return ''
    const isSecure = secure === true || (secure === 'auto' && clientScheme(exchange) === 'https')
    // With a time to live values change.
    if (ttlMs !== undefined) return this.#lineOf(value, isSecure)
    const lines = this.#lines[isSecure ? 1 : 0]
    let line = lines.get(value)
    if (line === undefined) lines.set(value, (line = flat(this.#lineOf(value, isSecure))))
    return line
  }

  #lineOf(value: string, isSecure: boolean): string {
    const { cookie, ttlMs, sameSite } = this.#config
    let line = `Set-Cookie: ${cookie}=${value}; Path=/; HttpOnly`
    line += `; SameSite=${sameSite[0]!.toUpperCase()}${sameSite.slice(1)}`
    if (ttlMs !== undefined) line += `; Max-Age=${Math.ceil(ttlMs / 1e3)}`
    if (isSecure) line += '; Secure'
    return line + '\r\n'
  }
}
