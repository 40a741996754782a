import { editFacts } from '../stages/header-edits/edit-facts.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { HeaderBlock } from '../message/header-block.ts'
import type { ForwardedWriter } from '../headers/forwarded.ts'
import { dropForwardingFields } from '../headers/forwarding-fields.ts'
import type { CompiledEdits } from '../headers/header-edits.ts'
import { dropConnectionNamed } from '../headers/hop-by-hop.ts'
import { newTraceparent, isTraceparent } from '../headers/traceparent.ts'
import { passableNames } from '../headers/trailers.ts'
import { viaLine } from '../headers/via.ts'
import { FRAME_CHUNKED } from '../http1/write/body-writer.ts'
import {
  SEEN_FORWARDED,
  SEEN_REQUEST_ID,
  SEEN_TRACEPARENT,
  SEEN_TRAILER,
  SEEN_X,
  SEEN_X_FORWARDED
} from '../http1/parse/field-scanner.ts'
import { UNKNOWN_LENGTH } from '../message/request.ts'

/**
 * The head of an exchange's request as it goes to a backend: fields in the order and spelling received, those of this
 * hop taken out, framing rebuilt, and what this hop tells at the end. `target`: path and query to ask for. `authority`:
 * the host when the request named it in its target (RFC 9112 §3.2.2) or not at all, else undefined.
 */
export function requestHead(
  exchange: Exchange,
  target: string,
  authority: string | undefined,
  forwarded: ForwardedWriter,
  trusted: boolean
): string {
  const { request, context, route } = exchange
  const { headers, method, seen } = request
  if (request.connectionNames !== '') dropConnectionNamed(headers, request.connectionNames)
  if (authority !== undefined) headers.remove('host')
  if ((seen & SEEN_TRAILER) !== 0) announceTrailers(exchange)
  const host = authority ?? request.host

  // The parser took Expect out. Without a body there is nothing to wait for (RFC 9110 §10.1.1), and httpd closes then.
  let added = request.expectContinue && request.bodyLength !== 0 ? 'Expect: 100-continue\r\n' : ''
  if ((seen & SEEN_X) !== 0) dropForwardingFields(headers, trusted)
  if ((seen & (SEEN_FORWARDED | SEEN_X_FORWARDED)) !== 0) {
    added += forwarded.replace(headers, host, trusted)
  } else {
    added += forwarded.lines(host)
  }
  if ((seen & SEEN_REQUEST_ID) !== 0) headers.remove('x-request-id')
  added += `X-Request-Id: ${exchange.requestId}\r\n`
  if ((seen & SEEN_TRACEPARENT) === 0) added += `traceparent: ${newTraceparent(exchange.requestId)}\r\n`
  else if (!isTraceparent(headers.get('traceparent') ?? '')) headers.set('traceparent', newTraceparent())
  added += request.minor === 1 ? context.viaLine : viaLine('1.0', context.pseudonym)
  let fields = headers.text + added
  if (authority !== undefined) fields = `Host: ${authority}\r\n${fields}`
  if (route?.requestEdits !== undefined) fields = edited(fields, exchange, route.requestEdits)
  return `${method} ${target} HTTP/1.1\r\n${fields}${connectionLines(exchange)}\r\n`
}

/** What may not come is not announced, and without chunks nothing can come. */
function announceTrailers({ request, route }: Exchange): void {
  const { headers, bodyLength } = request
  const names = passableNames(headers.get('trailer') ?? '', route?.requestEdits?.names)
  if (names === '' || bodyLength !== UNKNOWN_LENGTH) headers.remove('trailer')
  else if (names !== headers.get('trailer')) headers.set('Trailer', names)
}

/** Edits see what this hop adds too, so that they can change or remove it. */
function edited(fields: string, exchange: Exchange, edits: CompiledEdits): string {
  const block = new HeaderBlock(fields)
  edits.dropDisguised(block)
  edits.apply(block, editFacts(exchange))
  return block.text
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
