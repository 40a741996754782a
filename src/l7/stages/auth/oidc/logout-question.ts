import type { Exchange } from '../../../exchange/exchange.ts'
import { sendLocal } from '../../../exchange/response/local-answer.ts'
import type { Reply } from '../auth-method.ts'

/** A form posts to where it came from, with whatever the query was. */
const PAGE = Buffer.from(
  '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">' +
    '<title>Log out?</title><p>A link on another site leads here. Do you want to log out?</p>' +
    '<form method="post"><button>Log out</button></form><p><a href="/">Stay logged in</a></p></html>\n'
)

const FIELDS =
  'Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nX-Frame-Options: DENY\r\n' +
  "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'; base-uri 'none'\r\n"

/**
 * Whether another site has sent the browser to the logout, or the browser itself, ahead of a click. Cookies come with such a
 * GET (SameSite=Lax), and never with a POST, which has nothing to end then. Browsers say where a request is from
 * (Sec-Fetch-Site) over https; over http it may be seen in Referer. `origin`: of this host, as browsers know it.
 */
export function comesFromElsewhere({ request }: Exchange, origin: string): boolean {
  const { headers, method } = request
  if (method === 'POST') return false
  if (headers.has('sec-purpose')) return true
  const site = headers.get('sec-fetch-site')
  if (site !== undefined) return site !== 'same-origin' && site !== 'same-site' && site !== 'none'
  const from = headers.get('referer')
  return from !== undefined && URL.parse(from)?.host !== URL.parse(origin)?.host
}

/** Asks, by a page whose button sends a POST. */
export function confirmation(): Reply {
  return {
    kind: 'reply',
    outcome: 'login',
    reason: 'asks whether to log out, since another site leads there',
    send: (exchange) => sendLocal(exchange, 200, FIELDS, PAGE)
  }
}
