import { dateLine } from '../headers/date-line.ts'
import { editFacts } from '../stages/header-edits/edit-facts.ts'
import type { Exchange } from './exchange.ts'
import { HeaderBlock } from '../message/header-block.ts'
import { dropConnectionNamed } from '../headers/hop-by-hop.ts'
import { SEEN_DATE } from '../http1/parse/field-scanner.ts'
import type { UpstreamHead } from '../http1/parse/response-parser.ts'

/** Fields of a backend's response as they go to the client, without framing and Connection. */
export function responseFields(exchange: Exchange, head: UpstreamHead): string {
  const { headers } = head
  if (head.connectionNames !== '') dropConnectionNamed(headers, head.connectionNames)
  let fields = headers.text
  // RFC 9110 §6.6.1: a recipient with a clock adds the Date that a response lacks.
  if ((head.seen & SEEN_DATE) === 0) fields += dateLine()
  if (exchange.snapshot.config.backendHeader) fields += `X-Backend-Server: ${exchange.backend?.name}\r\n`
  if (exchange.cacheStatus !== '') fields += `Cache-Status: ${exchange.cacheStatus}\r\n`
  return clientFields(exchange, fields)
}

/** What every answer of a route ends with: Via, a sticky cookie, and the route's edits over all of it. */
export function clientFields(exchange: Exchange, fields: string): string {
  const all = fields + exchange.context.viaLine + exchange.setCookie
  const edits = exchange.route?.responseEdits
  if (edits === undefined) return all
  const block = new HeaderBlock(all)
  edits.apply(block, editFacts(exchange))
  return block.text
}
