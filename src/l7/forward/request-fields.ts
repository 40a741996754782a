import type { Exchange } from '../exchange/exchange.ts'
import { dropConnectionNamed } from '../headers/hop-by-hop.ts'
import { passableNames } from '../headers/trailers.ts'
import { FRAME_CHUNKED } from '../http1/write/body-writer.ts'
import { SEEN_TRAILER } from '../http1/parse/field-scanner.ts'
import { HeaderBlock } from '../message/header-block.ts'
import { UNKNOWN_LENGTH } from '../message/request.ts'

/**
 * The head of an exchange's request as it goes to a backend: fields in the order and spelling received, those of this
 * hop taken out, then what its stages change, and framing rebuilt.
 */
export function requestHead(exchange: Exchange): string {
  const { request, forwardAuthority: authority } = exchange
  const target = requestTarget(exchange)
  const headers = new HeaderBlock(ownFields(exchange))
  const { requestFields } = exchange
  if (requestFields !== undefined) {
    for (const [name, value] of requestFields) {
      if (value === undefined) headers.remove(name.toLowerCase())
      else headers.set(name, value)
    }
  }
  const { forward } = exchange.stages
  if (forward.length > 0) {
    const head = { method: request.method, target, host: authority ?? request.host, headers }
    for (let i = 0; i < forward.length; i++) forward[i]!.forward(exchange, head)
  }
  return `${request.method} ${target} HTTP/1.1\r\n${headers.text}${connectionLines(exchange)}\r\n`
}

function requestTarget({ forwardPath, query }: Exchange): string {
  return query === undefined ? forwardPath : `${forwardPath}?${query}`
}

/** What the client sent, without what concerned its connection only. */
function ownFields(exchange: Exchange): string {
  const { request, forwardAuthority: authority } = exchange
  const { headers } = request
  if (request.connectionNames !== '') dropConnectionNamed(headers, request.connectionNames)
  if (authority !== undefined) headers.remove('host')
  if ((request.seen & SEEN_TRAILER) !== 0) announceTrailers(exchange)
  let fields = headers.text
  if (authority !== undefined) fields = `Host: ${authority}\r\n${fields}`
  // The parser took Expect out. Without a body there is nothing to wait for (RFC 9110 §10.1.1), and httpd closes then.
  return request.expectContinue && request.bodyLength !== 0 ? `${fields}Expect: 100-continue\r\n` : fields
}

/** What may not come is not announced, and without chunks nothing can come. */
function announceTrailers({ request, route }: Exchange): void {
  const { headers, bodyLength } = request
  const names = passableNames(headers.get('trailer') ?? '', route?.requestEdits?.names)
  if (names === '' || bodyLength !== UNKNOWN_LENGTH) headers.remove('trailer')
  else if (names !== headers.get('trailer')) headers.set('Trailer', names)
}

/** FRAME_CHUNKED or the number of bytes. */
export function requestFraming(exchange: Exchange): number {
  const { bodyLength } = exchange.request
  return bodyLength === UNKNOWN_LENGTH ? FRAME_CHUNKED : bodyLength
}

function connectionLines(exchange: Exchange): string {
  const { bodyLength, method, upgrade, acceptsTrailers } = exchange.request
  let lines = ''
  if (bodyLength === UNKNOWN_LENGTH) lines = 'Transfer-Encoding: chunked\r\n'
  else if (bodyLength > 0 || method === 'POST' || method === 'PUT' || method === 'PATCH') {
    lines = `Content-Length: ${bodyLength}\r\n`
  }
  if (upgrade !== '') lines += `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`
  else if (acceptsTrailers) lines += 'Connection: TE\r\nTE: trailers\r\n'
  return lines
}
