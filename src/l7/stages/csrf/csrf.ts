import type { Exchange } from '../../exchange/exchange.ts'
import { clientScheme } from '../../headers/client-scheme.ts'
import { Origins } from '../cors/origins.ts'
import type { Refuse } from '../refuse.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { GO_ON, type Verdict } from '../verdict.ts'
import type { CsrfKeys } from './keys.ts'

/** RFC 9110 §9.2.1; a backend that changes state on one of these methods cannot be protected. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/**
 * Refuses requests that a page of another origin makes a browser send: by Sec-Fetch-Site, or by comparing Origin and
 * Host for browsers that do not send it. A request with neither does not come from a browser, so no page can misuse its
 * cookies.
 */
class Csrf implements Stage {
  readonly name = 'csrf'
  readonly #trusted: Origins
  readonly #refuse: Refuse

  constructor(trusted: readonly string[], refuse: Refuse) {
    this.#trusted = new Origins(trusted)
    this.#refuse = refuse
  }

  request(exchange: Exchange): Verdict {
    const { request } = exchange
    // A WebSocket begins with a GET, and browsers open it without a preflight.
    if (SAFE.has(request.method) && request.upgrade === '') return GO_ON
    const { headers } = request
    const site = headers.get('sec-fetch-site')
    if (site === 'same-origin' || site === 'none') return GO_ON
    const origin = headers.get('origin')
    if (site === undefined) {
      if (origin === undefined || sameOrigin(origin, exchange)) return GO_ON
    }
    if (origin !== undefined && this.#trusted.has(origin)) return GO_ON
    const said =
      site === undefined ? `Origin ${origin} is not the one that was asked for` : `Sec-Fetch-Site is ${site}`
    return this.#refuse(exchange, { code: 'LB_CSRF', reason: `request across origins: ${said}` })
  }
}

/**
 * Compares scheme, name and port: an http page is of another origin than an https page, and can be forged on the way.
 */
function sameOrigin(origin: string, exchange: Exchange): boolean {
  const { authority, request } = exchange
  const at = origin.indexOf('://')
  if (at === -1) return false
  const scheme = origin.slice(0, at).toLowerCase()
  if (scheme !== clientScheme(exchange)) return false
  const host = (authority ?? request.host).toLowerCase()
  return withoutPort(origin.slice(at + 3).toLowerCase(), scheme) === withoutPort(host, scheme) && host !== ''
}

function withoutPort(host: string, scheme: string): string {
  return host.replace(scheme === 'https' ? /:443$/ : /:80$/, '')
}

export function compile({ trustedOrigins }: CsrfKeys, { refuse }: StageContext): Stage {
  return new Csrf(trustedOrigins, refuse)
}
