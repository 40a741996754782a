import type { Exchange } from '../exchange/exchange.ts'
import type { ResponseHead } from '../exchange/response/response-head.ts'
import { NO_BODY, UNKNOWN_LENGTH } from '../message/body-length.ts'
import { checkBlock, checked } from '../message/checked-line.ts'
import type { HeaderBlock } from '../message/header-block.ts'

const REASON = /^[\t\x20-\x7e\x80-\xff]*$/

/** Runs a hook that edits fields: what it makes of them is held to be fields, of which none frames the message. */
export function editFields(headers: HeaderBlock, act: () => void): void {
  const before = headers.text
  headers.whileChecked(checked, act)
  checkBlock(before, headers.text)
}

/** Runs a `response` hook: what it makes of the head is held to what can be sent, and the body follows the status. */
export function editHead(exchange: Exchange, head: ResponseHead, act: () => void): void {
  const { status, reason, length, body } = head
  editFields(head.headers, act)
  const replaced = head.body !== body
  if (replaced && (!Buffer.isBuffer(head.body) || head.length !== head.body.length))
    throw new TypeError('a body is replaced by head.replaceBody(bytes, type), which sets the length')
  if (!replaced && head.length !== length)
    throw new TypeError(
      'head.length is set by the hook "body" only, with a transform that puts out so many bytes'
    )
  if (head.status !== status) {
    changeStatus(exchange, head, status, replaced)
    if (head.reason === reason) head.reason = ''
  } else if (replaced && isBodiless(status)) head.dropBody(NO_BODY)
  if (head.reason !== reason && (typeof head.reason !== 'string' || !REASON.test(head.reason)))
    throw new TypeError(`${JSON.stringify(head.reason)} is no reason of a status line`)
}

function changeStatus(exchange: Exchange, head: ResponseHead, before: number, replaced: boolean): void {
  const { status } = head
  if (before === 101 || !Number.isInteger(status) || status < 200 || status > 599)
    throw new RangeError(`${String(status)} is no status that this response can get: 200 to 599`)
  if (isBodiless(status)) head.dropBody(NO_BODY)
  else if (status === 205) head.dropBody(0)
  // None follows, and the client would wait for one.
  else if (isBodiless(before) && !replaced && exchange.request.method !== 'HEAD') head.dropBody(0)
}

function isBodiless(status: number): boolean {
  return status === 204 || status === 304
}

/** Runs a `body` hook: it may set the length where it returns a transform, and fields; the rest belongs to `response`. */
export function editBody<T>(head: ResponseHead, act: () => T | undefined): T | undefined {
  const { status, reason, length, body } = head
  let transform: T | undefined
  editFields(head.headers, () => {
    transform = act()
  })
  if (head.status !== status || head.reason !== reason || head.body !== body)
    throw new TypeError('status, reason and another body in place of this one are set by the hook "response"')
  checkLength(head, length, transform !== undefined)
  return transform
}

function checkLength(head: ResponseHead, before: number, transforms: boolean): void {
  const { length } = head
  if (length === before) return
  if (!transforms)
    throw new TypeError(
      'it has set head.length and returned no transform, so the body stays as long as it was'
    )
  if (length !== UNKNOWN_LENGTH && !(Number.isSafeInteger(length) && length >= 0))
    throw new RangeError(`head.length must be a number of bytes or UNKNOWN_LENGTH, and is ${String(length)}`)
}
