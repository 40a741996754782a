import type { ErrorCode } from '../../core/errors.ts'
import { dateLine } from '../headers/date-line.ts'
import { NO_BODY } from './downstream-stream.ts'
import type { Exchange } from './exchange.ts'
import { errorAnswer } from '../headers/error-answer.ts'

/** Seconds after which a client may come back when no backend could take its request. */
const RETRY_AFTER = 1

/** RFC 9110 §15.5.6: a 405 names methods. A route without a list of its own takes any but CONNECT and TRACE. */
const USUAL_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** Answers an exchange with an error of ours; who calls it ends the exchange. */
export function answerError(exchange: Exchange, code: ErrorCode): void {
  const { request, route, snapshot } = exchange
  const methods = (route?.limits ?? snapshot.config.limits).methods
  const answer = errorAnswer(code, {
    requestId: exchange.requestId,
    accept: request.headers.get('accept'),
    ...(code.startsWith('LB_QUEUE') || code === 'LB_NO_BACKEND' ? { retryAfter: RETRY_AFTER } : {}),
    ...(code === 'LB_METHOD' ? { allow: (methods ?? USUAL_METHODS).join(', ') } : {})
  })
  const cacheStatus = exchange.cacheStatus === '' ? '' : `Cache-Status: ${exchange.cacheStatus}\r\n`
  const fields = answer.fields + cacheStatus + exchange.context.viaLine
  sendLocal(exchange, answer.status, fields, Buffer.from(answer.body))
  exchange.downstream.sendEnd('')
  exchange.downstream.flush()
}

/** Head and body of an answer of ours; `fields` as "Name: value\r\n" lines without framing. */
export function sendLocal(exchange: Exchange, status: number, fields: string, body: Buffer): void {
  const bodiless = status === 204 || status === 304
  exchange.sendHead(status, '', dateLine() + fields, bodiless ? NO_BODY : body.length)
  if (bodiless || exchange.request.method === 'HEAD') return
  exchange.bytesOut += body.length
  exchange.downstream.sendOwned(body)
}
