import { errorKind } from '../../../core/errors.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { Stage } from '../stage.ts'

/** What is logged of a text that a client chose. */
const MAX_TEXT = 512

export function compile(): Stage {
  return { name: 'access-log', done: logExchange }
}

/** Writes the line of an exchange that has ended, when one is due: asked for, failed on the backend's side, or slow. */
function logExchange(exchange: Exchange, durationMs: number): void {
  const { snapshot, context, errorCode } = exchange
  const { accessLog } = snapshot.config
  const slow = accessLog.slowMs !== undefined && durationMs >= accessLog.slowMs
  const level = errorCode === undefined ? (slow ? 'warn' : 'info') : errorKind(errorCode).level
  const failed = errorCode !== undefined && level !== 'debug'
  const sampled = accessLog.enabled && (accessLog.sample >= 1 || context.random() < accessLog.sample)
  if (!failed && !slow && !sampled) return
  const fields = exchangeFields(exchange, durationMs)
  const message = errorCode === undefined ? (slow ? 'slow request' : 'request') : exchange.errorReason
  // Sampled lines of client errors come at info: whoever asked for an access log wants them.
  context.log[level === 'debug' ? 'info' : level](fields, message)
}

function exchangeFields(exchange: Exchange, durationMs: number): object {
  const { request } = exchange
  return {
    listener: exchange.snapshot.config.name,
    route: exchange.route?.name,
    client: exchange.clientIp,
    method: request.method || undefined,
    host: request.host.slice(0, MAX_TEXT) || undefined,
    target: request.target.slice(0, MAX_TEXT) || undefined,
    status: exchange.status === 0 ? undefined : exchange.status,
    code: exchange.errorCode,
    pool: exchange.target?.pool.pool.name,
    backend: exchange.backend?.name,
    retries: exchange.retries || undefined,
    cache: exchange.cacheStatus === '' ? undefined : exchange.cacheStatus,
    bytesIn: exchange.bytesIn,
    bytesOut: exchange.bytesOut,
    ms: Math.round(durationMs * 100) / 100,
    requestId: exchange.requestId,
    user: exchange.identity?.name,
    ...exchange.logFields
  }
}
