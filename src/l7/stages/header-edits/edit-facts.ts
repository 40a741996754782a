import type { Exchange } from '../../exchange/exchange.ts'
import type { PlaceholderFacts } from '../../headers/placeholders.ts'

/** Values of the placeholders in header edits. */
export function editFacts(exchange: Exchange): PlaceholderFacts {
  return {
    clientIp: exchange.clientIp,
    requestId: exchange.requestId,
    host: exchange.authority ?? exchange.request.host,
    scheme: exchange.scheme,
    identity: exchange.identity,
    tls: exchange.tls
  }
}
