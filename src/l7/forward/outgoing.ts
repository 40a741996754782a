import { proxyProtocolHeader } from '../../net/proxy-protocol/write.ts'
import type { PickContext } from '../../balancer/pool/pick-context.ts'
import { hashString } from '../../core/hash-string.ts'
import type { Target } from '../compile/snapshot.ts'
import type { ExchangeFacts } from '../exchange/exchange-facts.ts'
import { SEEN_AUTHORIZATION } from '../message/seen.ts'
import { authenticatesConnection } from './client-ties.ts'
import type { Outgoing } from './forward-owner.ts'
import { hashKeyOf } from './hash-key.ts'
import { requestFields } from './request-fields.ts'

const NO_CONTEXT: PickContext = {}

/** The request of an exchange as it goes to a backend. */
export function makeOutgoing(exchange: ExchangeFacts, target: Target): Outgoing {
  const { request, forwardPath, query } = exchange
  const path = query === undefined ? forwardPath : `${forwardPath}?${query}`
  const headers = requestFields(exchange, path)
  const edited = exchange.route?.requestEdits?.setsHost === true ? headers.take('host') : undefined
  return {
    method: request.method,
    scheme: exchange.scheme,
    authority: edited ?? exchange.forwardAuthority ?? request.host,
    path,
    headers,
    bodyLength: exchange.forwardLength ?? request.bodyLength,
    upgrade: request.upgrade,
    acceptsTrailers: request.acceptsTrailers,
    context: pickContext(exchange, target),
    preface: preface(exchange, target),
    client: exchange.client,
    authenticates:
      (request.seen & SEEN_AUTHORIZATION) !== 0 &&
      authenticatesConnection(request.headers.get('authorization'))
  }
}

function pickContext(exchange: ExchangeFacts, target: Target): PickContext {
  const { hashKey, sticky } = target.pool
  if (hashKey === undefined && sticky === undefined) return NO_CONTEXT
  const context: PickContext = {}
  if (exchange.hashKey !== undefined) context.hash = hashString(exchange.hashKey)
  else if (hashKey !== undefined) context.hash = hashKeyOf(exchange, hashKey)
  const name = sticky?.read(exchange)
  if (name !== undefined) context.sticky = name
  return context
}

/** The PROXY header that begins a connection made for this exchange alone. */
function preface(exchange: ExchangeFacts, target: Target): Buffer | undefined {
  const version = target.pool.pool.config.proxyProtocol
  if (version === undefined) return undefined
  const { source, destination } = exchange.client.ends
  const { tls } = exchange
  const tlvs = tls === undefined ? {} : { authority: tls.serverName, alpn: tls.alpn, ssl: tls }
  return proxyProtocolHeader(version, source, destination, tlvs)
}
