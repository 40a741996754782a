import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { Test } from 'tap'

export interface UdpBackend {
  readonly port: number
  readonly address: string
  readonly socket: Socket
  readonly got: { readonly text: string; readonly from: RemoteInfo }[]
  close(): void
}

/** A backend that answers `NAME:` and what it was sent; or what `answer` says. */
export async function udpBackend(
  t: Test,
  name: string,
  answer: (text: string, reply: (text: string) => void) => void = (text, reply) => reply(`${name}:${text}`),
  at = 0
): Promise<UdpBackend> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4_000_000 })
  const backend: UdpBackend = {
    port: 0,
    address: '',
    socket,
    got: [],
    close: () => {
      if (closed) return
      closed = true
      socket.close()
    }
  }
  let closed = false
  socket.on('message', (bytes, from) => {
    const text = bytes.toString('latin1')
    backend.got.push({ text, from })
    answer(text, (reply) => closed || socket.send(Buffer.from(reply, 'latin1'), from.port, from.address))
  })
  socket.bind(at, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  t.teardown(() => backend.close())
  return Object.assign(backend, { port, address: `127.0.0.1:${port}` })
}

export interface UdpClient {
  readonly port: number
  /** Answers that have come and were not taken yet. */
  readonly inbox: string[]
  send(text: string): void
  /** The next answer, or undefined after `ms`. */
  next(ms?: number): Promise<string | undefined>
  ask(text: string, ms?: number): Promise<string | undefined>
  close(): void
}

export async function udpClient(t: Test, to: number, host = '127.0.0.1'): Promise<UdpClient> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  const inbox: string[] = []
  let waiting: ((text: string | undefined) => void) | undefined
  socket.on('message', (bytes) => {
    const text = bytes.toString('latin1')
    if (waiting === undefined) inbox.push(text)
    else waiting(text)
  })
  socket.bind(0)
  await once(socket, 'listening')
  let closed = false
  const client: UdpClient = {
    port: socket.address().port,
    inbox,
    send: (text) => socket.send(Buffer.from(text, 'latin1'), to, host),
    next(ms = 3000) {
      if (inbox.length > 0) return Promise.resolve(inbox.shift())
      return new Promise((resolve) => {
        const done = (text: string | undefined) => {
          clearTimeout(timer)
          waiting = undefined
          resolve(text)
        }
        const timer = setTimeout(() => done(undefined), ms)
        waiting = done
      })
    },
    ask(text, ms) {
      client.send(text)
      return client.next(ms)
    },
    close() {
      if (closed) return
      closed = true
      socket.close()
    }
  }
  t.teardown(() => client.close())
  return client
}
