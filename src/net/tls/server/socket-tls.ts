import type { Socket } from 'node:net'
import { createServer, type SecureContext, type Server, type TLSSocket } from 'node:tls'
import { SocketTransport } from '../../transport/socket-transport.ts'
import type { Transport, TransportOwner } from '../../transport/transport.ts'
import type { Shaking } from '../handshake.ts'
import type { ListenerTlsMaterial } from '../listener-tls.ts'
import { serverOptions } from './server-context.ts'
import type { Bundle } from './bundle.ts'
import type { ServerContexts } from './server-contexts.ts'
import { NO_CERTIFICATE } from './server-side.ts'

/**
 * TLS with TLSSockets, where OpenSSL's handle cannot be used directly: tls.Servers that never listen, one for each
 * bundle.
 */
export class SocketTls {
  readonly #material: ListenerTlsMaterial
  readonly #contexts: ServerContexts
  readonly #alpn: readonly string[] | undefined
  readonly #tellsClient: boolean
  readonly #servers = new Map<Bundle, Server>()
  readonly #shaking = new Map<unknown, Shaking>()

  /** `tellsClient`: as in `ServerSide`; here of one without a certificate, too. */
  constructor(
    material: ListenerTlsMaterial,
    contexts: ServerContexts,
    { alpn, tellsClient = false }: { readonly alpn?: readonly string[]; readonly tellsClient?: boolean }
  ) {
    this.#material = material
    this.#contexts = contexts
    this.#alpn = alpn
    this.#tellsClient = tellsClient
  }

  /** `alpn`: replaces the listener's, for a server that serves one connection. */
  put(
    clear: SocketTransport,
    first: Buffer,
    bundle: Bundle,
    shaking: Shaking,
    alpn?: readonly string[]
  ): Transport {
    let server = alpn === undefined ? this.#servers.get(bundle) : this.#make(bundle, alpn)
    if (server === undefined) this.#servers.set(bundle, (server = this.#make(bundle, this.#alpn)))
    const { socket } = clear
    // TLS reads the handle itself from now on; failures come as tlsClientError.
    clear.owner = nobody
    socket.unshift(first)
    // A client that closes during the handshake is gone: as a half-open socket it would stay until the timeout.
    socket.allowHalfOpen = false
    this.#shaking.set(socket, shaking)
    server.emit('connection', socket)
    return clear
  }

  #make(bundle: Bundle, alpn: readonly string[] | undefined): Server {
    const { pairs } = bundle
    const { clientAuth } = this.#material
    const server = createServer({
      ...serverOptions(pairs, this.#material, this.#contexts.sessionIdContext),
      requestCert: clientAuth !== undefined,
      rejectUnauthorized: clientAuth?.required === true && !this.#tellsClient,
      // Handshake has its own deadline.
      handshakeTimeout: 0x7fff_ffff,
      ALPNProtocols: alpn === undefined ? undefined : [...alpn]
    })
    // Not public, but present since Node 0.12: the server's context. A test resumes sessions.
    const { _sharedCreds: context } = server as unknown as { _sharedCreds: SecureContext }
    this.#contexts.ticketKeys.use(context)
    // It is not known here which of several certificates is chosen.
    const staple = bundle.stapleFor(undefined)
    if (staple !== undefined)
      server.on('OCSPRequest', (_certificate, _issuer, answer) => answer(null, staple))
    server.on('secureConnection', (socket) => this.#settle(socket, undefined))
    server.on('tlsClientError', (error, socket) => this.#settle(socket, error))
    return server
  }

  #settle(socket: TLSSocket, error: Error | undefined): void {
    // Not public, but present since Node 0.12: the wrapped socket. A test checks that.
    const raw = (socket as unknown as { _parent?: Socket })._parent
    const shaking = this.#shaking.get(raw)
    this.#shaking.delete(raw)
    if (error !== undefined || shaking === undefined) socket.destroy()
    if (shaking === undefined) return
    if (error !== undefined) return shaking.onClose(error)
    socket.allowHalfOpen = true
    if (raw !== undefined) raw.allowHalfOpen = true
    const problem = this.#material.clientAuth?.required === true ? clientProblem(socket) : undefined
    shaking.secured(SocketTransport.overSocket(socket, shaking, problem))
  }
}

/** Why the client's certificate is not accepted, where one is required. */
function clientProblem(socket: TLSSocket): string | undefined {
  // A session resumed by TLS 1.3 counts as verified even if there never was a certificate.
  const shown = (socket.getPeerCertificate(false) as { raw?: Buffer } | null)?.raw !== undefined
  if (!shown) return NO_CERTIFICATE
  if (socket.authorized) return undefined
  // The handle has the words, the socket only the code.
  const { ssl } = socket as unknown as { ssl?: { verifyError?(): Error | null | undefined } }
  return (ssl?.verifyError?.()?.message ?? String(socket.authorizationError)).split(';', 1)[0]
}

const nobody: TransportOwner = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} }
