import type { Counter } from '../../core/metrics/metrics.ts'
import { RawTransport } from '../transport/raw-transport.ts'
import { TlsTransport } from '../transport/tls-transport.ts'
import type { SocketTransport } from '../transport/socket-transport.ts'
import type { Transport } from '../transport/transport.ts'
import type { ClientHello } from './client-hello.ts'
import { Handshake, type Secured, type Shaking, type Tls } from './handshake.ts'
import type { ListenerTlsMaterial } from './listener-tls.ts'
import { ACME_TLS } from './challenges.ts'
import { POSTGRES_ALPN, type PostgresStart } from './postgres-start.ts'
import { rawTls } from './raw-tls.ts'
import type { Bundle } from './server/bundle.ts'
import { ServerContexts } from './server/server-contexts.ts'
import { handshakeFailed } from './server/handshake-failure.ts'
import type { ServerSide } from './server/server-side.ts'
import { SocketTls } from './server/socket-tls.ts'
import type { TlsFacts } from './tls-facts.ts'
import type { TlsThread } from './tls-thread.ts'

export interface TlsServerOptions {
  /** The listener's name. */
  readonly name: string
  readonly handshakeTimeoutMs: number
  /** Protocols to negotiate by ALPN, best first; default: none. */
  readonly alpn?: readonly string[]
  /** TlsFacts.clientProblem may be set, which the owner answers; default: such connections are closed. */
  readonly tellsClient?: boolean
}

/** How an authority is answered. */
const VALIDATION = {
  alpn: alpnList([ACME_TLS]),
  clientAuth: undefined,
  staple: undefined,
  tellsClient: false
}

const POSTGRES = alpnList([POSTGRES_ALPN])

/**
 * Terminates TLS on connections accepted elsewhere. One per listener and snapshot; a reload with new certificates
 * creates another one, and handshakes under way finish with the old one.
 */
export class TlsServer implements Tls {
  readonly #options: TlsServerOptions
  readonly #thread: TlsThread
  readonly #contexts: ServerContexts
  readonly #common: Omit<ServerSide, 'context' | 'staple'>
  readonly #sockets: SocketTls
  readonly asksHello: boolean
  readonly #onDemand: boolean
  /** Counters of full and of resumed handshakes, by version. */
  readonly #full = new Map<string, Counter>()
  readonly #resumed = new Map<string, Counter>()

  /** Throws OpenSSL's error about a certificate or key that it cannot use. */
  constructor(material: ListenerTlsMaterial, options: TlsServerOptions, thread: TlsThread) {
    this.#options = options
    this.#thread = thread
    this.#contexts = new ServerContexts(material, thread.ticketKeys, options.name)
    this.asksHello = this.#contexts.several
    const { alpn, tellsClient = false } = options
    this.#common = { alpn: alpn && alpnList(alpn), clientAuth: material.clientAuth, tellsClient }
    this.#onDemand = material.acme?.onDemand === true
    this.#sockets = new SocketTls(material, this.#contexts, options)
  }

  put(clear: Transport, first: Buffer, hello: ClientHello | undefined, shaking: Shaking): Transport {
    if (clear.closed) return clear
    const challenge = hello?.alpn.includes(ACME_TLS) === true ? this.#challenge(hello.serverName) : undefined
    const bundle = challenge ?? this.#choose(hello?.serverName, clear)
    if (rawTls === undefined || !(clear instanceof RawTransport)) {
      clear.pause()
      const alpn = challenge ? [ACME_TLS] : this.#isPostgres(hello) ? [POSTGRES_ALPN] : undefined
      return this.#sockets.put(clear as SocketTransport, first, bundle, shaking, alpn)
    }
    // Read them before the handle is given away.
    const { remote, reading } = clear
    const side =
      challenge === undefined
        ? {
            ...this.#common,
            alpn: this.#isPostgres(hello) ? POSTGRES : this.#common.alpn,
            staple: bundle.stapleFor(hello),
            context: bundle.context
          }
        : { ...VALIDATION, context: bundle.context }
    const transport = TlsTransport.accepted(rawTls, clear.detach(), side, shaking, remote)
    // Events come in a later turn, since a handshake takes more than one read.
    try {
      transport.start(first, reading)
    } catch (error) {
      // Only this code has it: `clear` is empty by now.
      transport.destroy()
      throw error
    }
    return transport
  }

  /**
   * Takes over `transport`, of which `rest` has been read, and does the handshake. `done` is called once, unless it is
   * cancelled. `postgres`: its clients may ask first, in clear text.
   */
  secure(transport: Transport, rest: Buffer | undefined, done: Secured, postgres?: PostgresStart): Handshake {
    const { handshakeTimeoutMs } = this.#options
    const settled: Secured = (under, failed) => {
      if (under?.tls?.alpn === ACME_TLS) {
        // RFC 8737 §3: the validation consists of the handshake only.
        under.destroy()
        const error = new Error('the validation of a name by its authority')
        return done(undefined, handshakeFailed('challenge', error, under, undefined))
      }
      const refused = under?.tls?.clientProblem !== undefined
      if (refused) this.#failed('client-certificate')
      else if (under !== undefined) this.#count(under.tls!)
      else this.#failed(failed!.reason)
      done(under, failed)
    }
    const handshake = new Handshake(this.#thread, handshakeTimeoutMs, this, settled, postgres)
    transport.owner = handshake
    handshake.begin(transport, rest)
    return handshake
  }

  /** Where nothing else is negotiated. */
  #isPostgres(hello: ClientHello | undefined): boolean {
    return this.#options.alpn === undefined && hello?.alpn.includes(POSTGRES_ALPN) === true
  }

  /** The bundle for a pending tls-alpn-01 validation. */
  #challenge(name: string | undefined): Bundle | undefined {
    const pair = name === undefined ? undefined : this.#thread.challenges.certificate(name)
    return pair && this.#contexts.forChallenge(pair)
  }

  #choose(name: string | undefined, clear: Transport): Bundle {
    if (!this.#onDemand || name === undefined) return this.#contexts.choose(name, () => clear.local?.address)
    const found = this.#contexts.find(name)
    if (found === undefined || found.pairs.length === 0) this.#thread.wanted(this.#options.name, name)
    return found ?? this.#contexts.none
  }

  #count({ version, resumed }: TlsFacts): void {
    const counters = resumed ? this.#resumed : this.#full
    let counter = counters.get(version)
    if (counter === undefined) {
      const labels = { listener: this.#options.name, version, resumed: String(resumed) }
      counters.set(version, (counter = this.#thread.metrics.counter('lb_tls_handshakes_total', labels)))
    }
    counter.add()
  }

  #failed(reason: string): void {
    const labels = { listener: this.#options.name, reason }
    this.#thread.metrics.counter('lb_tls_handshake_failures_total', labels).add()
  }
}

/** RFC 7301 §3.1. */
function alpnList(protocols: readonly string[]): Buffer {
  return Buffer.concat(protocols.map((name) => Buffer.from([name.length, ...Buffer.from(name)])))
}
