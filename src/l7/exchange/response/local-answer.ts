import type { ErrorCode } from '../../../core/errors.ts'
import { dateLine } from '../../headers/date-line.ts'
import { errorAnswer } from '../../headers/error-answer.ts'
import { HeaderBlock } from '../../message/header-block.ts'
import type { Refusal } from '../../stages/refusal.ts'
import { NO_BODY } from '../../message/body-length.ts'
import type { ResponseExit } from './response-exit.ts'
import { ResponseHead } from './response-head.ts'

/** Seconds after which a client may come back when no backend could take its request. */
const RETRY_AFTER = 1

/** RFC 9110 §15.5.6: a 405 names methods. A route without a list of its own takes any but CONNECT and TRACE. */
const USUAL_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** Answers an exchange with an error of ours. */
export function answerError(exchange: ResponseExit, code: ErrorCode, refusal: Refusal | undefined): void {
  const { request, route, snapshot } = exchange
  const methods = (route?.limits ?? snapshot.config.limits).methods
  const answer = errorAnswer(code, {
    requestId: exchange.requestId,
    accept: request.headers.get('accept'),
    ...(code.startsWith('LB_QUEUE') || code === 'LB_NO_BACKEND' ? { retryAfter: RETRY_AFTER } : {}),
    ...(code === 'LB_METHOD' || refusal?.status === 405
      ? { allow: (methods ?? USUAL_METHODS).join(', ') }
      : {}),
    ...(refusal?.status !== undefined && { status: refusal.status }),
    ...(refusal?.detail !== undefined && { detail: refusal.detail }),
    ...(refusal?.members !== undefined && { members: refusal.members })
  })
  const fields = refusal?.fields === undefined ? answer.fields : answer.fields + refusal.fields
  sendLocal(exchange, answer.status, fields, Buffer.from(answer.body), 'error')
}

/** An answer of ours, whole; `fields` as "Name: value\r\n" lines without framing and Date. */
export function sendLocal(
  exchange: ResponseExit,
  status: number,
  fields: string,
  body: Buffer,
  source: 'local' | 'error' = 'local'
): void {
  const bodiless = status === 204 || status === 304
  const headers = new HeaderBlock(dateLine() + fields)
  const head = new ResponseHead(status, '', headers, bodiless ? NO_BODY : body.length, source)
  head.whole = body
  if (!exchange.respond(head)) return
  if (!bodiless && exchange.request.method !== 'HEAD') exchange.sendOwned(body)
  exchange.sendEnd('')
  if (!exchange.ended) exchange.downstream.flush()
}
