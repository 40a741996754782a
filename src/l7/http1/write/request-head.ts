import type { Outgoing } from '../../forward/forward-owner.ts'
import { UNKNOWN_LENGTH } from '../../message/body-length.ts'

/** The head of a request as HTTP/1.1 has it (RFC 9112 §3): request line, Host, fields, framing, Connection. */
export function requestHead(request: Outgoing): string {
  const { method, path, authority, headers } = request
  return `${method} ${path} HTTP/1.1\r\nHost: ${authority}\r\n${headers.text}${connectionLines(request)}\r\n`
}

function connectionLines({ bodyLength, method, upgrade, acceptsTrailers }: Outgoing): string {
  let lines = ''
  if (bodyLength === UNKNOWN_LENGTH) lines = 'Transfer-Encoding: chunked\r\n'
  else if (bodyLength > 0 || method === 'POST' || method === 'PUT' || method === 'PATCH') {
    lines = `Content-Length: ${bodyLength}\r\n`
  }
  if (upgrade !== '') lines += `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`
  else if (acceptsTrailers) lines += 'Connection: TE\r\nTE: trailers\r\n'
  return lines
}
