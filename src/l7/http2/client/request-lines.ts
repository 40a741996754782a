import { isGrpc } from '../../stages/grpc/grpc-status.ts'
import type { Outgoing } from '../../forward/forward-owner.ts'

/** A request as it is encoded: pseudo-fields in pairs, and "Name: value\r\n" lines. */
export interface RequestLines {
  readonly pseudo: readonly string[]
  readonly fields: string
}

/** What of a request goes into a field section (RFC 9113 §8.3.1). Fields of a connection are left out by the encoder. */
export function requestLines(request: Outgoing, scheme: 'http' | 'https'): RequestLines {
  const { method, path, authority, bodyLength, upgrade } = request
  let fields = request.headers.text
  if (bodyLength > 0 || (bodyLength === 0 && (method === 'POST' || method === 'PUT' || method === 'PATCH'))) {
    fields += `content-length: ${bodyLength}\r\n`
  }
  // gRPC servers refuse a call without it.
  const trailers =
    request.acceptsTrailers || (method === 'POST' && isGrpc(request.headers.first('content-type')))
  if (trailers) fields += 'te: trailers\r\n'
  if (upgrade === '') {
    const pseudo = [':method', method, ':scheme', scheme, ':path', path]
    if (authority !== undefined) pseudo.push(':authority', authority)
    return { pseudo, fields }
  }
  // RFC 8441 §5: the key and its answer are HTTP/1.1's.
  return {
    pseudo: [':method', 'CONNECT', ':protocol', upgrade, ':scheme', scheme, ':path', path, ':authority', authority ?? ''], // prettier-ignore
    fields: fields.replace(/^sec-websocket-key:.*\r\n/gim, '')
  }
}
