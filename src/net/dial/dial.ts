import { connect, isIP, type NetConnectOpts, type Socket } from 'node:net'
import { connect as tlsConnect, type TLSSocket } from 'node:tls'
import type { BackendAddress } from '../../config/model/model.ts'
import type { Deadlines, Waits } from '../../core/deadlines.ts'
import { handshakeFailed, tellWhenSecure } from './backend-handshake.ts'
import { CONNECT_TIMEOUT } from './dial-failure.ts'
import { threadLookup, type Lookup } from './lookup.ts'
import { dialAddress, dialName } from './raw-dial.ts'
import { dialSockets, placeOf, type Place } from './socket-dial.ts'
import { keepReserve } from './keep-reserve.ts'
import { failure, rawStreams, UV_ECONNRESET } from '../transport/raw-streams.ts'
import { SocketTransport } from '../transport/socket-transport.ts'
import { writeAtOnce } from '../transport/write-at-once.ts'
import type { Transport, TransportOwner } from '../transport/transport.ts'
import type { UpstreamTls } from '../tls/upstream-tls.ts'

/** One object serves all connects to a pool. */
export interface DialOptions {
  /** Time for name lookup, TCP and TLS handshake together. */
  readonly connectTimeoutMs: number
  readonly deadlines: Pick<Deadlines, 'now' | 'size' | 'add' | 'remove'>
  /** TLS to the backend. */
  readonly tls?: UpstreamTls
  /** The connection goes out from this address; of a name, only addresses of its family are tried. */
  readonly source?: string
  /** Sent before the TLS handshake: a PROXY header. Without TLS it is sent with the first bytes by the owner. */
  readonly preface?: Buffer
  /** false: the owner turns TCP keep-alive on once the connection has lasted a while. */
  readonly keepAlive?: boolean
  /** Default: one per thread, which caches answers for five seconds. */
  readonly lookup?: Lookup
}

/** TCP keep-alive probes an idle peer after this many ms, since NATs and firewalls drop idle connections. */
export const KEEP_ALIVE_MS = 60_000

/**
 * Opens a connection to a backend: a literal address, a name (all its addresses are tried, IPv6 and IPv4 250 ms apart,
 * RFC 8305) or a unix socket. `owner.onConnect` follows once it can be written to, after the TLS handshake, or
 * `owner.onClose` with an error that `dialFailure` explains. `destroy()` cancels at any time; then `onClose` comes
 * without an error.
 */
export function dial(address: BackendAddress, options: DialOptions, owner: TransportOwner): Transport {
  const wait = new ConnectWait(owner, address, options)
  const transport =
    options.tls === undefined
      ? dialPlain(address, options, wait)
      : dialTls(address, options.tls, options, wait)
  wait.transport = transport
  return transport
}

function dialPlain(address: BackendAddress, options: DialOptions, owner: TransportOwner): Transport {
  if (address.kind === 'unix') {
    return SocketTransport.dialled(owner, (socket) => {
      keepReserve(socket)
      socket.connect({ path: address.path })
    })
  }
  const { host, port } = address
  const { source } = options
  if (isIP(host) === 0) {
    if (rawStreams !== undefined) return dialName(owner, host, port, lookupOf(options), source)
    const transport = SocketTransport.toBeDialled(owner)
    const open = (place: Place): Socket => connecting(transport.newSocket(), place)
    const connected = (socket: Socket): void => {
      transport.adopt(socket, { reads: true })
      transport.tellConnect()
    }
    return seek(transport, address, options, open, connected)
  }
  if (rawStreams !== undefined) return dialAddress(owner, host, port, source)
  return SocketTransport.dialled(owner, (socket) => connecting(socket, placeOf(host, port, source)))
}

function connecting(socket: Socket, place: Place): Socket {
  // Without a handle this is only remembered: no system call until the connection is made.
  socket.setNoDelay(true)
  keepReserve(socket)
  return socket.connect(place)
}

/** `transport` gets the first socket, of those that `open` connects to the addresses of a name, that is connected. */
function seek(
  transport: SocketTransport,
  address: Extract<BackendAddress, { kind: 'tcp' }>,
  options: DialOptions,
  open: (place: Place) => Socket,
  connected: (socket: Socket) => void
): SocketTransport {
  const failed = (error: Error): void => transport.destroy(error)
  transport.dialling = dialSockets(address, lookupOf(options), options.source, { open, connected, failed })
  return transport
}

function dialTls(
  address: BackendAddress,
  tls: UpstreamTls,
  options: DialOptions,
  owner: ConnectWait
): Transport {
  if (address.kind === 'tcp' && isIP(address.host) === 0) {
    const transport = SocketTransport.toBeDialled(owner)
    const open = (place: Place): Socket => openTls(place, tls, address, options, owner)
    const connected = (socket: Socket): void => {
      transport.adopt(socket, { reads: false })
      tellWhenSecure(socket as TLSSocket, transport, tls, address)
    }
    return seek(transport, address, options, open, connected)
  }
  const place =
    address.kind === 'unix' ? { path: address.path } : placeOf(address.host, address.port, options.source)
  const socket = openTls(place, tls, address, options, owner)
  const transport = SocketTransport.overSocket(socket, owner)
  tellWhenSecure(socket, transport, tls, address)
  return transport
}

/** Connects, sends the preface of the options, and begins the handshake. */
function openTls(
  place: NetConnectOpts,
  tls: UpstreamTls,
  address: BackendAddress,
  { preface, deadlines }: DialOptions,
  owner: ConnectWait
): TLSSocket {
  const isWrapped = preface !== undefined && !HAS_DESCRIPTORS
  const secured = tls.optionsFor(address, deadlines.now)
  const socket: TLSSocket = tlsConnect({
    ...(isWrapped ? { socket: prefaced(place, preface) } : place),
    ...secured,
    // @types/node has it for servers only; net.connect below accepts it.
    ...{ allowHalfOpen: true }
  })
  socket.setNoDelay(true)
  keepReserve(socket)
  if (preface !== undefined && !isWrapped)
    socket.prependOnceListener('connect', () => sendFirst(socket, preface))
  owner.session = secured.session
  return socket
}

/** A connection that sends `preface` first; writes before the connect are queued. */
function prefaced(place: NetConnectOpts, preface: Buffer): Socket {
  const socket = connect({ ...place, allowHalfOpen: true })
  socket.setNoDelay(true)
  socket.write(preface)
  return socket
}

/** Sockets have numbers that files can be written by. */
const HAS_DESCRIPTORS = process.platform !== 'win32'

/**
 * Sends `preface` before the handshake, which begins right after: a new connection has room for it. Not over a socket that TLS is put
 * upon: Node ends the process where that one is closed while the bytes wait.
 */
function sendFirst(socket: TLSSocket, preface: Buffer): void {
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: number } | null }
  const taken = writeAtOnce(handle?.fd ?? -1, preface, 0, preface.length)
  if (taken !== preface.length) socket.destroy(failure('write', taken < 0 ? taken : UV_ECONNRESET))
}

function lookupOf(options: Pick<DialOptions, 'lookup'>): Lookup {
  return options.lookup ?? threadLookup()
}

/**
 * Owns a connection while it is being opened, in place of its owner, so that no listeners have to be added and removed.
 */
class ConnectWait implements TransportOwner, Waits {
  deadline: number
  transport: Transport | undefined
  /** Offered to the backend. */
  session: Buffer | undefined
  readonly #address: BackendAddress
  readonly #owner: TransportOwner
  readonly #options: DialOptions

  constructor(owner: TransportOwner, address: BackendAddress, options: DialOptions) {
    this.#owner = owner
    this.#address = address
    this.#options = options
    options.deadlines.add(this)
    this.deadline = options.deadlines.now + options.connectTimeoutMs
  }

  onConnect(): void {
    this.#options.deadlines.remove(this)
    const transport = this.transport!
    transport.owner = this.#owner
    if (this.#options.keepAlive !== false) transport.keepAlive(KEEP_ALIVE_MS)
    this.#owner.onConnect?.()
  }

  onClose(error: NodeJS.ErrnoException | undefined): void {
    const { tls, deadlines } = this.#options
    handshakeFailed(tls, this.#address, this.session, error, deadlines.now)
    this.#options.deadlines.remove(this)
    this.transport!.owner = this.#owner
    this.#owner.onClose(error)
  }

  onDeadline(): void {
    this.#options.deadlines.remove(this)
    const error = new Error(`no connection within ${this.#options.connectTimeoutMs} ms`)
    this.transport?.destroy(Object.assign(error, { code: CONNECT_TIMEOUT }))
  }

  // TLS may deliver the backend's first bytes before it reports the end of the handshake: they are for the owner.
  onData(buffer: Buffer, start: number, end: number): void {
    this.#owner.onData(buffer, start, end)
  }

  onEnd(): void {
    this.#owner.onEnd()
  }

  onDrain(): void {
    this.#owner.onDrain()
  }

  onInternalError(error: unknown): string | undefined {
    this.#options.deadlines.remove(this)
    return this.#owner.onInternalError?.(error)
  }
}
