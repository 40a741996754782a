import type { Exchange } from '../../exchange/exchange.ts'

/** What is logged of a text that a client chose. */
export const MAX_TEXT = 512

/** The fields of an exchange's line. `exchange-line.ts` writes the same as text. */
export function exchangeFields(exchange: Exchange, durationMs: number): object {
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
    protocol: exchange.client.http2 ? 'HTTP/2' : undefined,
    ...exchange.logFields
  }
}
