import { createHmac } from 'node:crypto'

/** Hex digits of the digest in a cookie: 128 bits. */
const DIGITS = 32
/** Cookies remembered per pool: names are few, values are asked for with every request. */
const MOST_KNOWN = 10_000

/**
 * Cookie values that name a backend without showing it: a keyed digest of pool and backend name. Without a secret the
 * key is the pool's name, so that values survive a restart and are the same in every thread and every `lb` of one
 * configuration; they are then opaque, but who knows the names can compute them. All that buys is a choice of backend,
 * which the balancer honours only if that one is available.
 */
export class StickyCookies {
  readonly #pool: string
  readonly #secret: string
  readonly #byValue = new Map<string, string>()
  readonly #byName = new Map<string, string>()

  constructor(pool: string, backends: readonly string[], secret = '') {
    this.#pool = pool
    this.#secret = secret
    for (const name of backends.slice(0, MOST_KNOWN)) {
      const value = stickyValue(this.#pool, name, this.#secret)
      this.#byValue.set(value, name)
      this.#byName.set(name, value)
    }
  }

  /** What the cookie says for this backend. */
  valueOf(backend: string): string {
    return this.#byName.get(backend) ?? stickyValue(this.#pool, backend, this.#secret)
  }

  /** The backend that a cookie asks for: PickContext.sticky. Undefined for what this pool did not give out. */
  backendOf(value: string): string | undefined {
    return value.length === DIGITS ? this.#byValue.get(value) : undefined
  }
}

export function stickyValue(pool: string, backend: string, secret = ''): string {
  return createHmac('sha256', `lb sticky\n${pool}\n${secret}`).update(backend).digest('hex').slice(0, DIGITS)
}
