import type { Exchange } from '../../exchange/exchange.ts'
import { protocolOf, shortened, statusOf } from './field-values.ts'

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** A line as httpd's `common` and `combined` have it, in UTC. */
export function commonLine(exchange: Exchange, endedAt: number, combined: boolean): string {
  const { request, clientIp, identity, bytesOut } = exchange
  const asked =
    request.method === '' && request.target === ''
      ? '-'
      : escaped(`${request.method} ${shortened(request.target)} ${protocolOf(exchange)}`)
  const user = identity === undefined ? '-' : escaped(identity.name).replaceAll(' ', '%20')
  const status = statusOf(exchange) ?? '-'
  const line = `${clientIp || '-'} - ${user} [${time(endedAt)}] "${asked}" ${status} ${bytesOut === 0 ? '-' : bytesOut}`
  if (!combined) return line
  return `${line} "${quoted(request.headers.first('referer'))}" "${quoted(request.headers.first('user-agent'))}"`
}

function quoted(text: string | undefined): string {
  return text === undefined ? '-' : escaped(shortened(text))
}

/** No client ends the line or the quotes. */
function escaped(text: string): string {
  return text.replace(/["\\\x00-\x1f\x7f-\xff]/g, (char) => {
    if (char === '"' || char === '\\') return `\\${char}`
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}

let stampedAt = 0
let stamp = ''

/** 10/Oct/2000:13:55:36 +0000; one per second is made. */
function time(ms: number): string {
  const second = Math.floor(ms / 1e3)
  if (second !== stampedAt) {
    stampedAt = second
    const date = new Date(ms)
    const two = (n: number): string => String(n).padStart(2, '0')
    const day = `${two(date.getUTCDate())}/${MONTHS[date.getUTCMonth()]!}/${date.getUTCFullYear()}`
    stamp = `${day}:${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} +0000`
  }
  return stamp
}
