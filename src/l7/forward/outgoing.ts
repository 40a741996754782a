import { proxyProtocolHeader } from '../../net/proxy-protocol/write.ts'
import type { PickContext } from '../../balancer/pool/pick-context.ts'
import { hashString } from '../../core/hash-string.ts'
import type { Target } from '../compile/l7-snapshot.ts'
import type { ExchangeFacts } from '../exchange/exchange-facts.ts'
import { SEEN_AUTHORIZATION, SEEN_TRAILER } from '../message/seen.ts'
import { authenticatesConnection } from './client-ties.ts'
import type { Outgoing } from './forward-owner.ts'
import { hashKeyOf } from './hash-key.ts'
import { dropConnectionNamed } from '../headers/hop-by-hop.ts'
import { dropOwned } from '../headers/owned-fields.ts'
import { passableNames } from '../headers/trailers.ts'
import { HeaderBlock } from '../message/header-block.ts'
import { UNKNOWN_LENGTH } from '../message/body-length.ts'

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

/** The fields of an exchange's request as they go to a backend; Host only where the route's edits write one. */
export function requestFields(exchange: ExchangeFacts, path: string): HeaderBlock {
  const { request, forwardAuthority: authority } = exchange
  const headers = new HeaderBlock(ownFields(exchange))
  const owned = exchange.route?.owned
  if (owned !== undefined) dropOwned(headers, owned)
  const changes = exchange.requestFields
  if (changes !== undefined) {
    for (const [name, value] of changes) {
      if (value === undefined) headers.remove(name.toLowerCase())
      else headers.set(name, value)
    }
  }
  const { forward } = exchange.stages
  if (forward.length > 0) {
    const host = authority ?? request.host
    const head = { method: request.method, target: path, host, headers }
    for (let i = 0; i < forward.length; i++) forward[i]!.forward(exchange as never, head as never)
  }
  return headers
}

/** What the client sent, without what concerned its connection only. */
function ownFields(exchange: ExchangeFacts): string {
  const { request } = exchange
  const { headers } = request
  if (request.connectionNames !== '') dropConnectionNamed(headers, request.connectionNames)
  // While this is one string as read: later it would have to be joined first, which costs more than the rest.
  headers.take('host')
  if ((request.seen & SEEN_TRAILER) !== 0) announceTrailers(exchange)
  const fields = headers.text
  // The parser took Expect out. Without a body there is nothing to wait for (RFC 9110 §10.1.1), and httpd closes then.
  return request.expectContinue && request.bodyLength !== 0 ? `${fields}Expect: 100-continue\r\n` : fields
}

/** What may not come is not announced, and without chunks nothing can come. */
function announceTrailers({ request, route, forwardLength }: ExchangeFacts): void {
  const { headers, bodyLength } = request
  const names = passableNames(headers.get('trailer') ?? '', route?.decided)
  if (names === '' || (forwardLength ?? bodyLength) !== UNKNOWN_LENGTH) headers.remove('trailer')
  else if (names !== headers.get('trailer')) headers.set('Trailer', names)
}
