import { STATUS_CODES } from 'node:http'
import { NO_BODY } from '../../message/body-length.ts'
import { UNKNOWN_LENGTH } from '../../message/body-length.ts'

/**
 * Status line, fields and framing of a response to a client of HTTP/1.`minor`. Always HTTP/1.1 (RFC 9112 §2.5), since
 * that is what we speak; what an older client cannot read is left out.
 */
export function responseHead(
  status: number,
  reason: string,
  fields: string,
  length: number,
  minor: number,
  close: boolean
): string {
  const text = reason === '' ? (STATUS_CODES[status] ?? '') : reason
  let head = `HTTP/1.1 ${status} ${text}\r\n${fields}`
  if (length >= 0) head += `Content-Length: ${length}\r\n`
  else if (length === UNKNOWN_LENGTH && minor === 1) head += 'Transfer-Encoding: chunked\r\n'
  else if (length !== NO_BODY && length !== UNKNOWN_LENGTH) throw new RangeError(`length ${length}`)
  if (close) return head + 'Connection: close\r\n\r\n'
  return minor === 0 ? head + 'Connection: keep-alive\r\n\r\n' : head + '\r\n'
}
