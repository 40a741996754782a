import { clfTime } from '../../../core/log/clf-time.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import { protocolOf, refererOf, shortened, statusOf } from './field-values.ts'
import { withoutCredentials } from './without-credentials.ts'

/** A line in httpd's `common` or `combined` format, in UTC. */
export function commonLine(exchange: Exchange, endedAt: number, combined: boolean): string {
  const { request, clientIp, identity, bytesOut } = exchange
  const asked =
    request.method === '' && request.target === ''
      ? '-'
      : escaped(
          `${request.method} ${withoutCredentials(shortened(request.target), exchange)} ${protocolOf(exchange)}`
        )
  const user = identity === undefined ? '-' : escaped(identity.name).replaceAll(' ', '%20')
  const status = statusOf(exchange) ?? '-'
  const line = `${clientIp || '-'} - ${user} [${clfTime(endedAt)}] "${asked}" ${status} ${bytesOut === 0 ? '-' : bytesOut}`
  if (!combined) return line
  return `${line} "${quoted(refererOf(exchange))}" "${quoted(request.headers.first('user-agent'))}"`
}

function quoted(text: string | undefined): string {
  return text === undefined ? '-' : escaped(shortened(text))
}

/** Escapes what could end the line or the quotes. */
function escaped(text: string): string {
  return text.replace(/["\\\x00-\x1f\x7f-\xff]/g, (char) => {
    if (char === '"' || char === '\\') return `\\${char}`
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
