import { createHash } from 'node:crypto'
import type { HeaderBlock } from './header-block.ts'

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** The answer to a Sec-WebSocket-Key (RFC 6455 §4.2.2). */
export function webSocketAccept(key: string): string {
  return createHash('sha1')
    .update(key + GUID)
    .digest('base64')
}

/**
 * Whether a backend's 101 answers the key that `asked` has (RFC 6455 §4.1). A client of HTTP/1.1 sees to that itself; one
 * of HTTP/2 sent no key and sees no answer. True for other protocols than WebSocket.
 */
export function acceptsWebSocket(
  asked: { readonly upgrade: string; readonly headers: HeaderBlock },
  answer: { readonly headers: HeaderBlock }
): boolean {
  const key = asked.upgrade === 'websocket' ? asked.headers.first('sec-websocket-key') : undefined
  return key === undefined || answer.headers.get('sec-websocket-accept') === webSocketAccept(key)
}
