import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Test } from 'tap'
import type { BackendAddress } from '../../src/config/model/model.ts'

/** A TCP server of the test with all that it accepted; `next` waits for the next connection. */
export interface TestServer {
  readonly port: number
  readonly address: BackendAddress
  readonly server: Server
  readonly sockets: Socket[]
  next(): Promise<Socket>
  close(): Promise<void>
}

export async function testServer(t: Test, serve: (socket: Socket) => void = () => {}): Promise<TestServer> {
  const sockets: Socket[] = []
  const arrived: Socket[] = []
  const waiting: ((socket: Socket) => void)[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    sockets.push(socket)
    serve(socket)
    const wait = waiting.shift()
    if (wait === undefined) arrived.push(socket)
    else wait(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
  t.teardown(() => (server.listening ? close() : undefined))
  const next = () => {
    const socket = arrived.shift()
    if (socket !== undefined) return Promise.resolve(socket)
    return new Promise<Socket>((resolve) => waiting.push(resolve))
  }
  return { port, address: tcpAddress(port), server, sockets, next, close }
}

export function tcpAddress(port: number, host = '127.0.0.1'): BackendAddress {
  return { kind: 'tcp', host, port, text: `${host}:${port}` }
}

/** A connected client that keeps its side open after the server's FIN, as half-close wants. */
export async function testClient(t: Test, port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  socket.on('error', () => {})
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** How a connection ends that is refused at once: the reset may come while it is still being made. */
export function refusal(t: Test, port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' })
  t.teardown(() => socket.destroy())
  return ending(socket)
}

/** How the other side ended this socket: its FIN, or an error's code (ECONNRESET after a RST). */
export function ending(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('end', () => resolve('FIN'))
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'))
    socket.once('close', () => resolve('closed'))
    socket.resume()
  })
}

/** Gathers what a socket receives until `bytes` have come. */
export function receive(socket: Socket, bytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const onData = (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (text.length < bytes) return
      socket.off('data', onData)
      resolve(text)
    }
    socket.on('data', onData)
    socket.once('close', () => reject(new Error(`closed after ${JSON.stringify(text)}`)))
  })
}

/** Waits until `condition` holds; for what another process or the kernel decides. Bounded by five seconds. */
export async function eventually(condition: () => boolean): Promise<void> {
  const until = Date.now() + 5_000
  while (!condition()) {
    if (Date.now() > until) throw new Error('did not happen within 5 s')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
