import type { AccessField } from '../../../config/model/access-log-model.ts'
import { errorKind } from '../../../core/errors.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import { withoutCredentials } from './without-credentials.ts'

/** The most that is logged of a text from a client. */
export const MAX_TEXT = 512

type Value = string | number | undefined

/** The fields of a line; undefined leaves a field out. */
export const fieldValues = {
  event: () => 'request',
  listener: ({ snapshot }) => snapshot.config.name,
  route: ({ route }) => route?.name,
  client: ({ clientIp }) => clientIp,
  protocol: protocolOf,
  scheme: ({ scheme }) => scheme,
  method: ({ request }) => request.method || undefined,
  host: ({ request }) => shortened(request.host) || undefined,
  target: (exchange) => withoutCredentials(shortened(exchange.request.target), exchange) || undefined,
  status: statusOf,
  code: ({ errorCode }) => errorCode,
  reason: ({ errorReason }) => errorReason || undefined,
  pool: ({ target }) => target?.pool.pool.name,
  backend: ({ backend }) => backend?.name,
  attempts: ({ times }) => times?.asked,
  retries: ({ retries }) => retries || undefined,
  cache: ({ cacheStatus }) => cacheStatus || undefined,
  bytesIn: ({ bytesIn }) => bytesIn,
  bytesOut: ({ bytesOut }) => bytesOut,
  ms: (_exchange, durationMs) => hundredths(durationMs),
  queueMs: ({ times }) =>
    times === undefined || times.queueMs === 0 ? undefined : hundredths(times.queueMs),
  connectMs: ({ times }) =>
    times === undefined || times.connectMs < 0 ? undefined : hundredths(times.connectMs),
  firstByteMs: ({ times, startedAt }) =>
    times === undefined || times.answeredAt === 0 ? undefined : hundredths(times.answeredAt - startedAt),
  userAgent: ({ request }) => field(request.headers.first('user-agent')),
  referer: refererOf,
  requestId: ({ requestId }) => requestId,
  user: ({ identity }) => identity?.name
} satisfies Record<AccessField, (exchange: Exchange, durationMs: number) => Value>

export function protocolOf({ request }: Exchange): string {
  return `HTTP/${request.version}`
}

/** The status that was sent; 499 for a client that closed before. */
export function statusOf({ status, errorCode }: Exchange): number | undefined {
  if (status !== 0) return status
  return errorCode === undefined ? undefined : errorKind(errorCode).status
}

export function hundredths(ms: number): number {
  return Math.round(ms * 100) / 100
}

export function shortened(text: string): string {
  return text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text
}

/** A page whose own URL had a credential is the referer of what it loads. */
export function refererOf(exchange: Exchange): string | undefined {
  const text = exchange.request.headers.first('referer')
  return text === undefined ? undefined : withoutCredentials(shortened(text), exchange)
}

function field(text: string | undefined): string | undefined {
  return text === undefined ? undefined : shortened(text)
}
