import type { Answer } from './clients/answer.ts'
import { fieldOf, type Plan } from './plan.ts'

/**
 * With these a request goes to another backend than the one whose cookie it brings; so it does where another one ends the connection
 * that both share.
 */
export const MOVED_BY = [
  'pipelining',
  'retry of statuses',
  'retry of timeouts',
  'drain with sessions',
  'a second instance',
  'reload',
  'worker death',
  'discovery',
  'discovery by DNS',
  'backends that go down'
]

/** Which backend each sticky cookie stands for, and whether who brings one comes to that backend. */
export class Stickiness {
  /** The last cookie that was set. */
  cookie = 'none'
  /** Nothing here moves a client to another backend. */
  holds = false
  readonly #origins = new Map<string, string>()

  /** What is wrong, in words. The answer was made by a backend for this very request. */
  check({ plan, head }: Answer): string | undefined {
    const origin = fieldOf(head, 'x-origin')
    const set = /\r\nset-cookie: lb_backend=([^;\r]*)/i.exec(head)?.[1]
    if (origin === undefined) return undefined
    if (set !== undefined) {
      this.cookie = set
      const known = this.#origins.get(set)
      if (known !== undefined && known !== origin) return `the cookie of ${known} set by ${origin}`
      this.#origins.set(set, origin)
    }
    const asked = this.#origins.get(firstCookie(plan))
    // Layer 4 knows no cookies, and what a backend gave up is tried at another.
    if (!this.holds || plan.door.startsWith('l4') || plan.closesKept) return undefined
    if (asked === undefined || asked === origin) return undefined
    return `answered by ${origin} with the cookie of ${asked}`
  }
}

/** Of several the first counts, also in several fields. */
function firstCookie({ fields }: Plan): string {
  return /^Cookie: (?:[^\r]*?; )?lb_backend=([^;\r]*)/m.exec(fields)?.[1] ?? ''
}
