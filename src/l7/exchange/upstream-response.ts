import { dateLine } from '../headers/date-line.ts'
import { dropConnectionNamed } from '../headers/hop-by-hop.ts'
import { SEEN_DATE } from '../http1/parse/field-scanner.ts'
import type { UpstreamHead } from '../http1/parse/response-parser.ts'
import type { Request } from '../message/request.ts'
import { NO_BODY } from './downstream-stream.ts'
import { ResponseHead } from './response-head.ts'

/** A backend's head as it sets out for the client: without what concerned that hop only. */
export function upstreamResponse(request: Request, head: UpstreamHead): ResponseHead {
  const { status, headers } = head
  if (head.connectionNames !== '') dropConnectionNamed(headers, head.connectionNames)
  // RFC 9110 §6.6.1: a recipient with a clock adds the Date that a response lacks.
  if ((head.seen & SEEN_DATE) === 0) headers.text += dateLine()
  const bodiless = request.method === 'HEAD' || status === 304
  const length = status === 204 || (bodiless && head.bodyLength < 0) ? NO_BODY : head.bodyLength
  return new ResponseHead(status, head.reason, headers, length, 'backend')
}
