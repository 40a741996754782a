import type { Backend } from '../../../balancer/pool/backend.ts'
import type { Pool } from '../../../balancer/pool/pool.ts'
import { StickyCookies } from '../../../balancer/pool/sticky.ts'
import type { StickyConfig } from '../../../config/model/model.ts'
import { cookieValue } from '../../../core/cookies.ts'
import type { Request } from '../../message/request.ts'

/** What of an exchange matters here. */
interface Asked {
  readonly request: Request
  readonly scheme: 'http' | 'https'
}

/** Keeps a client on the backend that answered it first, by a cookie (RFC 6265) that names it opaquely. */
export class Sticky {
  readonly #cookies: StickyCookies
  readonly #config: StickyConfig

  constructor(pool: Pool, config: StickyConfig) {
    this.#config = config
    this.#cookies = new StickyCookies(
      pool.name,
      pool.backends.map((backend) => backend.name)
    )
  }

  /** Name of the backend that the request's cookie asks for, the first of several; undefined without one that this pool gave out. */
  read(exchange: Asked): string | undefined {
    const value = cookieValue(exchange.request.headers.get('cookie'), this.#config.cookie)
    return value === undefined ? undefined : this.#cookies.backendOf(value)
  }

  /** The Set-Cookie line for an answer of `backend`; '' when the client has that cookie already. */
  cookieFor(exchange: Asked, backend: Backend): string {
    const { cookie, ttlMs, sameSite, secure } = this.#config
    // With a time to live, each answer prolongs it.
    if (ttlMs === undefined && this.read(exchange) === backend.name) return ''
    let line = `Set-Cookie: ${cookie}=${this.#cookies.valueOf(backend.name)}; Path=/; HttpOnly`
    line += `; SameSite=${sameSite[0]!.toUpperCase()}${sameSite.slice(1)}`
    if (ttlMs !== undefined) line += `; Max-Age=${Math.ceil(ttlMs / 1e3)}`
    if (secure === true || (secure === 'auto' && exchange.scheme === 'https')) line += '; Secure'
    return line + '\r\n'
  }
}
