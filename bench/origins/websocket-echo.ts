import { createHash } from 'node:crypto'
import type { Duplex } from 'node:stream'

export function handshakeAnswer(key: string): string {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  return (
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\n\r\n`
  )
}

/** Echoes masked frames of up to 125 bytes (all that the load sends), unmasked as a server must (RFC 6455 §5.1). */
export function echoFrames(socket: Duplex, head: Buffer): void {
  let rest: Buffer = Buffer.alloc(0)
  const read = (chunk: Buffer): void => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const answers: Buffer[] = []
    while (rest.length >= 6) {
      const length = rest[1]! & 0x7f
      if (rest.length < 6 + length) break
      const frame = Buffer.allocUnsafe(2 + length)
      frame[0] = rest[0]!
      frame[1] = length
      for (let at = 0; at < length; at++) frame[2 + at] = rest[6 + at]! ^ rest[2 + (at & 3)]!
      answers.push(frame)
      rest = rest.subarray(6 + length)
    }
    if (answers.length > 0) socket.write(answers.length === 1 ? answers[0]! : Buffer.concat(answers))
  }
  if (head.length > 0) read(head)
  socket.on('data', read)
  socket.on('end', () => socket.end())
}
