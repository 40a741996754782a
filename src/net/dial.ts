import type { Socket } from 'node:net'
import { connect as tlsConnect, type TLSSocket } from 'node:tls'
import type { BackendAddress } from '../config/model.ts'
import { systemClock } from '../core/clock.ts'
import type { Deadlines, Waits } from '../core/deadlines.ts'
import { CONNECT_TIMEOUT } from './dial-failure.ts'
import { cachedLookup, type Lookup } from './lookup.ts'
import { Transport, type TransportOwner } from './transport.ts'
import type { UpstreamTls } from './upstream-tls.ts'

/** One object serves all dials to a pool. */
export interface DialOptions {
  /** Until the connection is there: name lookup, TCP and TLS handshake together. */
  readonly connectTimeoutMs: number
  readonly deadlines: Deadlines
  /** TLS to the backend. */
  readonly tls?: UpstreamTls
  /** Left out: one per thread that remembers answers for five seconds. */
  readonly lookup?: Lookup
}

/** The kernel asks an idle peer whether it is still there after this many ms: NATs and firewalls forget sooner or later. */
const KEEP_ALIVE_MS = 60_000

let threadLookup: Lookup | undefined

/**
 * Opens a connection to a backend: a literal address, a name (all its addresses are tried, IPv6 and IPv4 250 ms
 * apart, RFC 8305) or a unix socket. `owner.onConnect` follows once it can be written to, TLS handshake included, or
 * `owner.onClose` with an error that `dialFailure` explains. `destroy()` gives up at any time; then `onClose` comes
 * without an error.
 */
export function dial(address: BackendAddress, options: DialOptions, owner: TransportOwner): Transport {
  const transport =
    options.tls === undefined
      ? dialPlain(address, options, owner)
      : dialTls(address, options.tls, options, owner)
  const { socket } = transport
  const wait = new ConnectWait(socket, options)
  const ready = options.tls === undefined ? 'connect' : 'secureConnect'
  // `prependListener`: the owner may look at `deadlines` when it hears of the connection.
  socket.prependOnceListener(ready, () => options.deadlines.remove(wait))
  socket.once('close', () => options.deadlines.remove(wait))
  return transport
}

function dialPlain(address: BackendAddress, options: DialOptions, owner: TransportOwner): Transport {
  return Transport.dialled(owner, (socket) => {
    if (address.kind === 'unix') {
      socket.connect({ path: address.path })
      return
    }
    // Before there is a handle these are only remembered: no system call until the connection is made.
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    socket.connect({ host: address.host, port: address.port, lookup: lookupOf(options) })
  })
}

function dialTls(
  address: BackendAddress,
  tls: UpstreamTls,
  options: DialOptions,
  owner: TransportOwner
): Transport {
  const socket: TLSSocket = tlsConnect({
    ...(address.kind === 'unix'
      ? { path: address.path }
      : { host: address.host, port: address.port, lookup: lookupOf(options) }),
    ...tls.optionsFor(address),
    // @types/node knows it for servers only; net.connect below takes it.
    ...{ allowHalfOpen: true }
  })
  socket.setNoDelay(true)
  socket.setKeepAlive(true, KEEP_ALIVE_MS)
  socket.on('session', (session) => tls.remember(address, session))
  const transport = Transport.overSocket(socket, owner)
  socket.once('secureConnect', () => transport.owner.onConnect?.())
  return transport
}

function lookupOf(options: DialOptions): Lookup {
  return options.lookup ?? (threadLookup ??= cachedLookup(systemClock))
}

class ConnectWait implements Waits {
  deadline: number
  readonly #socket: Socket
  readonly #options: DialOptions

  constructor(socket: Socket, options: DialOptions) {
    this.#socket = socket
    this.#options = options
    options.deadlines.add(this)
    this.deadline = options.deadlines.now + options.connectTimeoutMs
  }

  onDeadline(): void {
    this.#options.deadlines.remove(this)
    const error = new Error(`no connection within ${this.#options.connectTimeoutMs} ms`)
    this.#socket.destroy(Object.assign(error, { code: CONNECT_TIMEOUT }))
  }
}
