import { dateLine } from '../../headers/date-line.ts'
import { SEEN_DATE } from '../../message/seen.ts'
import type { Response } from '../../message/response.ts'
import type { Request } from '../../message/request.ts'
import { NO_BODY } from '../../message/body-length.ts'
import { ResponseHead } from './response-head.ts'

/** A backend's head as it sets out for the client: without what concerned that hop only. */
export function upstreamResponse(request: Request, head: Response): ResponseHead {
  const { status, headers } = head
  // RFC 9110 §6.6.1: a recipient with a clock adds the Date that a response lacks.
  if ((head.seen & SEEN_DATE) === 0) headers.text += dateLine()
  const bodiless = request.method === 'HEAD' || status === 304
  const length = status === 204 || (bodiless && head.bodyLength < 0) ? NO_BODY : head.bodyLength
  return new ResponseHead(status, head.reason, headers, length, 'backend')
}
