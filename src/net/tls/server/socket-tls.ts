import type { Socket } from 'node:net'
import { createServer, type SecureContext, type Server, type TLSSocket } from 'node:tls'
import { systemClock } from '../../../core/clock.ts'
import { SocketTransport } from '../../transport/socket-transport.ts'
import { nobody, type Transport } from '../../transport/transport.ts'
import type { Shaking } from '../handshake.ts'
import type { ListenerTlsMaterial } from '../listener-tls.ts'
import { serverOptions } from './server-context.ts'
import type { Bundle } from './bundle.ts'
import { factsOfHandle } from '../read-facts.ts'
import type { ServerContexts } from './server-contexts.ts'
import type { TlsHandle } from '../raw-tls.ts'
import { keepSecret, refusalAlert, type Secrets } from './refusal-alert.ts'
import { clientProblem } from './server-side.ts'

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
      // The result is looked at here, since Node would close without an alert.
      rejectUnauthorized: false,
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
    if (clientAuth?.required === true && !this.#tellsClient)
      server.on('keylog', (line, socket) => keepSecret(socket as Secrets, line))
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
    const { clientAuth } = this.#material
    const tls = handleOf(socket)
    const problem = clientProblem(tls, { clientAuth })
    const refused = clientAuth?.required === true ? problem : undefined
    if (refused !== undefined && !this.#tellsClient) {
      endWithAlert(socket, raw, refusalAlert(tls, refused, (socket as Secrets).lbSecret))
      return shaking.onClose(refused)
    }
    const verified = clientAuth !== undefined && problem === undefined
    shaking.secured(SocketTransport.overSocket(socket, shaking, factsOfHandle(tls, verified, refused)))
  }
}

/** Not public, but present since Node 0.12. A test refuses certificates. */
function handleOf(socket: TLSSocket): TlsHandle {
  return (socket as unknown as { readonly ssl: TlsHandle }).ssl
}

/** How long a client may go on to send: closing at once would be a reset, which takes the alert away from it. */
const LINGER_MS = 1_000

function endWithAlert(socket: TLSSocket, raw: Socket | undefined, alert: Buffer | undefined): void {
  if (raw === undefined || alert === undefined) return void socket.destroy()
  socket.on('error', () => {})
  socket.resume()
  raw.end(alert)
  const cancel = systemClock.after(LINGER_MS, () => socket.destroy())
  socket.once('close', cancel)
}
