import { createSocket } from 'node:dgram'
import { once } from 'node:events'

/** Answers each datagram with an exclamation mark and the same. */
export async function echoDatagrams(): Promise<{ readonly address: string; close(): void }> {
  const socket = createSocket('udp4')
  socket.on('message', (bytes, { port, address }) =>
    socket.send(Buffer.concat([Buffer.from('!'), bytes]), port, address)
  )
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return { address: `127.0.0.1:${socket.address().port}`, close: () => void socket.close() }
}
