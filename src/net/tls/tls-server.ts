import { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { createSecureContext, createServer, type SecureContext, type Server, type TLSSocket } from 'node:tls'
import { contain } from '../../core/containment.ts'
import type { ListenerTlsMaterial } from './listener-tls.ts'
import { ServerNames } from './server-names.ts'
import type { SocketTransport } from '../transport/socket-transport.ts'
import type { TransportOwner } from '../transport/transport.ts'

export interface TlsServerOptions {
  readonly handshakeTimeoutMs: number
  /** Protocols to agree on by ALPN, best first; left out: none is agreed. */
  readonly alpn?: readonly string[]
}

/** The decrypted socket, to be put under a new Transport at once; or why there is none. */
export type Secured = (socket: TLSSocket | undefined, error: Error | undefined) => void

/**
 * Ends TLS on connections accepted elsewhere: a tls.Server that never listens. One per listener and snapshot; a
 * reload with new certificates makes another one, and handshakes under way end with the old.
 */
export class TlsServer {
  readonly #server: Server
  readonly #handshakes = new Map<unknown, Secured>()

  /** Throws what OpenSSL says of a certificate or key that it cannot use. */
  constructor(material: ListenerTlsMaterial, options: TlsServerOptions) {
    const contexts = material.certificates.map(({ cert, key }) => ({
      names: namesOf(cert),
      context: createSecureContext({
        cert,
        key,
        ca: material.clientAuth?.ca,
        minVersion: material.minVersion
      })
    }))
    const byName = new ServerNames<SecureContext>(
      contexts.flatMap(({ names, context }) => names.map((name) => [name, context] as const)),
      true
    )
    const [first] = material.certificates
    this.#server = createServer({
      cert: first?.cert,
      key: first?.key,
      ca: material.clientAuth?.ca,
      requestCert: material.clientAuth !== undefined,
      rejectUnauthorized: material.clientAuth?.required ?? false,
      minVersion: material.minVersion,
      handshakeTimeout: options.handshakeTimeoutMs,
      ALPNProtocols: options.alpn === undefined ? undefined : [...options.alpn],
      ticketKeys: material.ticketKeys === undefined ? undefined : Buffer.from(material.ticketKeys),
      SNICallback: (name, answer) => answer(null, byName.find(name.toLowerCase()))
    })
    this.#server.on('secureConnection', (socket) => this.#settle(socket, undefined))
    this.#server.on('tlsClientError', (error, socket) => this.#settle(socket, error))
  }

  /** Handshakes under way. */
  get pending(): number {
    return this.#handshakes.size
  }

  /**
   * Takes `transport` over and shakes hands; `rest` was read from it already (after a PROXY header). `done` is called
   * once. To give up, destroy the transport: then it is called with an error.
   */
  secure(transport: SocketTransport, rest: Buffer | undefined, done: Secured): void {
    const { socket } = transport
    // TLS reads the handle itself from now on; what breaks is told as tlsClientError.
    transport.owner = nobody
    if (rest !== undefined && rest.length > 0) {
      transport.pause()
      socket.unshift(rest)
    }
    // A client that leaves in the handshake is gone: with half-open sockets it would stay until the timeout.
    socket.allowHalfOpen = false
    this.#handshakes.set(socket, done)
    this.#server.emit('connection', socket)
  }

  #settle(socket: TLSSocket, error: Error | undefined): void {
    // Not public, but there since Node 0.12: the socket that was wrapped. A test holds it to that.
    const raw = (socket as unknown as { _parent?: Socket })._parent
    const done = this.#handshakes.get(raw)
    this.#handshakes.delete(raw)
    if (error !== undefined) socket.destroy()
    socket.allowHalfOpen = true
    if (raw !== undefined) raw.allowHalfOpen = true
    try {
      done?.(error === undefined ? socket : undefined, error)
    } catch (thrown) {
      contain(thrown)
      socket.destroy()
    }
  }
}

const nobody: TransportOwner = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} }

/** RFC 9525 §6.1: names of the subjectAltName only; the common name counts no more. */
function namesOf(pem: string): string[] {
  const names = new X509Certificate(pem).subjectAltName ?? ''
  return [...names.matchAll(/(?:^|, )DNS:([^,]+)/g)].map((match) => match[1]!)
}
