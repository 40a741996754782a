import type { SecureContext } from 'node:tls'
import type { Counter } from '../../core/metrics/metrics.ts'
import { RawTransport } from '../transport/raw-transport.ts'
import { TlsTransport } from '../transport/tls-transport.ts'
import type { SocketTransport } from '../transport/socket-transport.ts'
import type { Transport } from '../transport/transport.ts'
import { Handshake, type PutTls, type Secured, type Shaking } from './handshake.ts'
import type { ListenerTlsMaterial } from './listener-tls.ts'
import { rawTls } from './raw-tls.ts'
import { ServerContexts } from './server-contexts.ts'
import type { ServerSide } from './server-side.ts'
import { SocketTls } from './socket-tls.ts'
import type { TlsFacts } from './tls-facts.ts'
import type { TlsThread } from './tls-thread.ts'

export interface TlsServerOptions {
  /** The listener's name. */
  readonly name: string
  readonly handshakeTimeoutMs: number
  /** Protocols to agree on by ALPN, best first; left out: none is agreed. */
  readonly alpn?: readonly string[]
}

/**
 * Terminates TLS on connections accepted elsewhere. One per listener and snapshot; a reload with new certificates makes
 * another one, and handshakes under way end with the old.
 */
export class TlsServer {
  readonly #options: TlsServerOptions
  readonly #thread: TlsThread
  readonly #put: PutTls
  readonly #done = new Map<string, Counter>()

  /** Throws what OpenSSL says of a certificate or key that it cannot use. */
  constructor(material: ListenerTlsMaterial, options: TlsServerOptions, thread: TlsThread) {
    this.#options = options
    this.#thread = thread
    const contexts = new ServerContexts(material, thread.ticketKeys, options.name)
    const side = serverSide(material, options, contexts)
    let sockets: SocketTls | undefined
    this.#put = (clear, first, shaking) => {
      if (clear.closed) return clear
      if (rawTls !== undefined && clear instanceof RawTransport) return putRaw(clear, first, shaking, side)
      sockets ??= new SocketTls(material, contexts, options.alpn)
      return sockets.put(clear as SocketTransport, first, shaking)
    }
  }

  /**
   * Takes `transport` over, of which `rest` has been read, and shakes hands. `done` is called once, except after
   * `cancel`.
   */
  secure(transport: Transport, rest: Buffer | undefined, done: Secured): Handshake {
    const { handshakeTimeoutMs } = this.#options
    const handshake = new Handshake(this.#thread, handshakeTimeoutMs, this.#put, (under, failed) => {
      if (under !== undefined) this.#count(under.tls!)
      else this.#failed(failed!.reason)
      done(under, failed)
    })
    transport.owner = handshake
    handshake.begin(transport, rest)
    return handshake
  }

  #count({ version, resumed }: TlsFacts): void {
    const key = `${version} ${resumed}`
    let counter = this.#done.get(key)
    if (counter === undefined) {
      const labels = { listener: this.#options.name, version, resumed: String(resumed) }
      this.#done.set(key, (counter = this.#thread.metrics.counter('lb_tls_handshakes_total', labels)))
    }
    counter.add()
  }

  #failed(reason: string): void {
    const labels = { listener: this.#options.name, reason }
    this.#thread.metrics.counter('lb_tls_handshake_failures_total', labels).add()
  }
}

function serverSide(
  material: ListenerTlsMaterial,
  { alpn }: TlsServerOptions,
  contexts: ServerContexts
): ServerSide {
  return {
    context: contexts.first,
    choose: contexts.several ? (name: string): SecureContext | undefined => contexts.find(name) : undefined,
    staple: undefined,
    alpn: alpn && alpnList(alpn),
    clientAuth: material.clientAuth
  }
}

function putRaw(clear: RawTransport, first: Buffer, shaking: Shaking, side: ServerSide): TlsTransport {
  // Asked before it is given away.
  const { remote } = clear
  const transport = TlsTransport.accepted(rawTls!, clear.detach(), side, shaking, remote)
  // What is told meanwhile comes in a later turn, since a handshake takes more than one read.
  transport.start(first)
  return transport
}

/** RFC 7301 §3.1. */
function alpnList(protocols: readonly string[]): Buffer {
  return Buffer.concat(protocols.map((name) => Buffer.from([name.length, ...Buffer.from(name)])))
}
