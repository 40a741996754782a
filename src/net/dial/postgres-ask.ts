import { Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import type { BackendAddress } from '../../config/model/model.ts'
import type { Contained } from '../../core/containment.ts'
import type { Waits } from '../../core/deadlines.ts'
import { SSL_REQUEST } from '../tls/postgres-start.ts'
import type { UpstreamTls } from '../tls/upstream-tls.ts'
import { RawTransport } from '../transport/raw-transport.ts'
import { SocketTransport } from '../transport/socket-transport.ts'
import { nobody, type Transport, type TransportOwner } from '../transport/transport.ts'
import type { DialOptions } from './dial.ts'
import { handshakeFailed, tellWhenSecure } from './backend-handshake.ts'
import { CONNECT_TIMEOUT } from './dial-failure.ts'

/** Who asked hears of it once. */
export interface PostgresAsker extends Contained {
  /** TLS may begin, or with `tls` has begun: `transport` gets its owner before this returns. */
  onAgreed(transport: Transport): void
  /** The connection is closed. */
  onDisagreed(error: Error): void
}

const AGREED = 0x53

/**
 * Asks a PostgreSQL server for TLS on a new connection in clear text, as its clients do: behind the `preface` of the options,
 * and within another `connectTimeoutMs`. `tls` of the options is then put on the connection; without it, whoever sends on it begins.
 */
export class PostgresAsk implements TransportOwner, Waits {
  deadline: number
  #transport: Transport
  readonly #address: BackendAddress
  readonly #options: DialOptions
  readonly #asker: PostgresAsker
  #agreed = false
  /** Offered to the server. */
  #session: Buffer | undefined
  #over = false

  constructor(transport: Transport, address: BackendAddress, options: DialOptions, asker: PostgresAsker) {
    this.#transport = transport
    this.#address = address
    this.#options = options
    this.#asker = asker
    this.deadline = options.deadlines.now + options.connectTimeoutMs
    options.deadlines.add(this)
    transport.owner = this
    transport.sendOwned(
      options.preface === undefined ? SSL_REQUEST : Buffer.concat([options.preface, SSL_REQUEST])
    )
    // Each side of a splice is read once it has an owner.
    transport.resume()
  }

  /** Ends it without a callback. */
  cancel(): void {
    this.#finish()
    this.#transport.destroy()
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#over || this.#agreed) return
    // Bytes behind the answer are not the server's, or not under TLS (CVE-2021-23222).
    if (buffer[start] !== AGREED || end - start > 1) return this.#disagree(buffer[start] === 0x4e)
    this.#agreed = true
    if (this.#options.tls === undefined) this.#done(this.#transport)
    else this.#secure(this.#options.tls)
  }

  onEnd(): void {
    this.#disagree(false)
  }

  onDrain(): void {}

  onConnect(): void {
    if (!this.#over) this.#done(this.#transport)
  }

  onClose(error: NodeJS.ErrnoException | undefined): void {
    if (this.#over) return
    this.#finish()
    const { tls, deadlines } = this.#options
    handshakeFailed(tls, this.#address, this.#session, error, deadlines.now)
    this.#asker.onDisagreed(error ?? problem('ERR_TLS_POSTGRES'))
  }

  onDeadline(): void {
    const error = new Error(`no TLS within ${this.#options.connectTimeoutMs} ms`)
    this.#transport.destroy(Object.assign(error, { code: CONNECT_TIMEOUT }))
  }

  onInternalError(error: unknown): string | undefined {
    this.cancel()
    return this.#asker.onInternalError?.(error)
  }

  #secure(tls: UpstreamTls): void {
    const address = this.#address
    const secured = tls.optionsFor(address, this.#options.deadlines.now)
    this.#session = secured.session
    const socket = tlsConnect({ socket: socketOf(this.#transport), ...secured })
    const transport = SocketTransport.overSocket(socket, this)
    tellWhenSecure(socket, transport, tls, address)
    this.#transport = transport
  }

  #disagree(isNo: boolean): void {
    this.#transport.destroy(problem(isNo ? 'ERR_TLS_POSTGRES_NONE' : 'ERR_TLS_POSTGRES'))
  }

  #done(transport: Transport): void {
    this.#finish()
    this.#asker.onAgreed(transport)
  }

  #finish(): void {
    this.#over = true
    this.#options.deadlines.remove(this)
  }
}

/** With a code like those of node:tls; tls-reason.ts has the words. */
function problem(code: string): Error {
  return Object.assign(new Error(code), { code })
}

/** The connection as a socket that TLS can be put upon; `transport` reports no more events. */
function socketOf(transport: Transport): Socket {
  // The socket starts to read by itself, which a handle that reads refuses.
  transport.pause()
  if (transport instanceof RawTransport) {
    const options = { handle: transport.detach(), allowHalfOpen: true, readable: true, writable: true }
    return new Socket(options as unknown as ConstructorParameters<typeof Socket>[0])
  }
  transport.owner = nobody
  return (transport as SocketTransport).socket
}
