import { isGrpc } from '../../stages/grpc/grpc-status.ts'
import type { Outgoing } from '../../forward/forward-owner.ts'

/** A request ready to be encoded: pseudo-fields in pairs, and "Name: value\r\n" lines. */
export interface RequestLines {
  readonly pseudo: readonly string[]
  readonly fields: string
  /** END_STREAM goes on a frame of its own where there is no body. */
  readonly endsApart: boolean
}

/** What goes into the field section of a request (RFC 9113 §8.3.1). The encoder leaves out hop-by-hop fields. */
export function requestLines(request: Outgoing, scheme: 'http' | 'https'): RequestLines {
  const { method, path, authority, bodyLength, upgrade } = request
  let fields = request.headers.text
  if (bodyLength > 0 || (bodyLength === 0 && (method === 'POST' || method === 'PUT' || method === 'PATCH'))) {
    fields += `content-length: ${bodyLength}\r\n`
  }
  // gRPC servers refuse a call without `te: trailers`, and those in Go wait forever for the end of one that ended with
  // its head: gRPC says that a request ends on DATA.
  const endsApart = method === 'POST' && isGrpc(request.headers.first('content-type'))
  if (endsApart || request.acceptsTrailers) fields += 'te: trailers\r\n'
  if (upgrade === '') {
    const pseudo = [':method', method, ':scheme', scheme, ':path', path]
    if (authority !== undefined) pseudo.push(':authority', authority)
    return { pseudo, fields, endsApart }
  }
  // RFC 8441 §5: Sec-WebSocket-Key and its answer exist in HTTP/1.1 only.
  return {
    pseudo: [':method', 'CONNECT', ':protocol', upgrade, ':scheme', scheme, ':path', path, ':authority', authority ?? ''], // prettier-ignore
    fields: fields.replace(/^sec-websocket-key:.*\r\n/gim, ''),
    endsApart
  }
}
