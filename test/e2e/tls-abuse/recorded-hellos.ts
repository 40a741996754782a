import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { connect, type ConnectionOptions } from 'node:tls'

/** ClientHellos as Node writes them, so that a handshake can be begun for the price of a TCP connection. */
export async function recordedHellos(): Promise<readonly Buffer[]> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const record = async (options: ConnectionOptions): Promise<Buffer> => {
    const client = connect({ port, host: '127.0.0.1', ...options })
    client.on('error', () => {})
    const [socket] = (await once(server, 'connection')) as [Socket]
    const [hello] = (await once(socket, 'data')) as [Buffer]
    socket.on('error', () => {})
    socket.destroy()
    client.destroy()
    return hello
  }
  const hellos: Buffer[] = []
  for (const servername of ['a.test', 'b.test', 'unknown.test']) {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      hellos.push(await record({ servername, maxVersion, ALPNProtocols: ['h2', 'http/1.1'] }))
    }
    hellos.push(await record({ servername, ecdhCurve: 'P-256' }))
  }
  server.close()
  return hellos
}
