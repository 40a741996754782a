import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { SocketTransport } from '../transport/socket-transport.ts'
import type { Transport, TransportOwner } from '../transport/transport.ts'
import type { Shaking } from './handshake.ts'
import type { ListenerTlsMaterial } from './listener-tls.ts'
import { serverOptions } from './server-context.ts'
import type { ServerContexts } from './server-contexts.ts'

/** TLS by TLSSockets, where OpenSSL's handle cannot be driven directly: a tls.Server that never listens. */
export class SocketTls {
  readonly #server: Server
  readonly #contexts: ServerContexts
  readonly #shaking = new Map<unknown, Shaking>()
  #turn = -1

  constructor(material: ListenerTlsMaterial, contexts: ServerContexts, alpn: readonly string[] | undefined) {
    this.#contexts = contexts
    this.#server = createServer({
      ...serverOptions(contexts.firstPairs, material, contexts.sessionIdContext),
      requestCert: material.clientAuth !== undefined,
      rejectUnauthorized: material.clientAuth?.required ?? false,
      // The deadline is Handshake's.
      handshakeTimeout: 0x7fff_ffff,
      ALPNProtocols: alpn === undefined ? undefined : [...alpn],
      SNICallback: (name, answer) => {
        try {
          answer(null, contexts.find(name.toLowerCase()))
        } catch (error) {
          answer(error as Error)
        }
      }
    })
    this.#server.on('secureConnection', (socket) => this.#settle(socket, undefined))
    this.#server.on('tlsClientError', (error, socket) => this.#settle(socket, error))
  }

  put(clear: SocketTransport, first: Buffer, shaking: Shaking): Transport {
    const { ticketKeys } = this.#contexts
    if (ticketKeys.turn !== this.#turn) {
      this.#turn = ticketKeys.turn
      this.#server.setTicketKeys(ticketKeys.current)
    }
    const { socket } = clear
    // TLS reads the handle itself from now on; what breaks is told as tlsClientError.
    clear.owner = nobody
    socket.unshift(first)
    // A client that leaves in the handshake is gone: with half-open sockets it would stay until the timeout.
    socket.allowHalfOpen = false
    this.#shaking.set(socket, shaking)
    this.#server.emit('connection', socket)
    return clear
  }

  #settle(socket: TLSSocket, error: Error | undefined): void {
    // Not public, but there since Node 0.12: the socket that was wrapped. A test holds it to that.
    const raw = (socket as unknown as { _parent?: Socket })._parent
    const shaking = this.#shaking.get(raw)
    this.#shaking.delete(raw)
    if (error !== undefined || shaking === undefined) socket.destroy()
    if (shaking === undefined) return
    if (error !== undefined) return shaking.onClose(error)
    socket.allowHalfOpen = true
    if (raw !== undefined) raw.allowHalfOpen = true
    shaking.secured(SocketTransport.overSocket(socket, shaking))
  }
}

const nobody: TransportOwner = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} }
