import type { Backend } from '../../balancer/pool/backend.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { Admission } from '../../net/admission/gate.ts'
import { PostgresStart } from '../../net/tls/postgres-start.ts'
import type { Attach } from '../../net/transport/accept.ts'
import { KEEP_ALIVE_MS } from '../../net/dial/dial.ts'
import { localEndpoint, remoteEndpoint, type Endpoint } from '../../net/dial/endpoint.ts'
import type { ProxyHeader } from '../../net/proxy-protocol/header.ts'
import { ProxyHeaderReader, type ProxyHeaderNext } from '../../net/proxy-protocol/reader.ts'
import { proxyProtocolHeader } from '../../net/proxy-protocol/write.ts'
import type { Handshake, Secured } from '../../net/tls/handshake.ts'
import type { Transport, TransportOwner } from '../../net/transport/transport.ts'
import { relayed, unremarkable, unsecured, type ConnectionEnd } from './connection-end.ts'
import type { Connected, ReachWaits } from './connected.ts'
import { HeldBytes } from './held-bytes.ts'
import type { RefusedReason } from '../l4-metrics.ts'
import type { L4Host } from './l4-host.ts'
import { Peek, type PeekNext } from './peek.ts'
import { Reach, type ReachListener } from './reach.ts'
import { clientHash, type L4Snapshot, type L4Target } from '../l4-snapshot.ts'
import { splice, type CutReason, type Splice, type SpliceEnd } from './splice.ts'

/**
 * One client's connection from accept to end:
 * admit → [PROXY header → admit] → [TLS handshake | ClientHello] → reach a backend → splice.
 */
export class L4Connection implements TransportOwner, ProxyHeaderNext, PeekNext, ReachListener {
  readonly startedAt: number
  readonly snapshot: L4Snapshot
  readonly #host: L4Host<L4Connection>
  #downstream!: Transport
  #admission: Admission | undefined
  /** The ends as the PROXY header tells them; undefined: the connection's own. */
  #header: ProxyHeader | undefined
  #handshake: Handshake | undefined
  #peek: Peek | undefined
  /** Undefined: neither TLS nor its server name is of interest. */
  #postgres: PostgresStart | undefined
  #serverName: string | undefined
  #alpn: string | undefined
  #target: L4Target | undefined
  readonly #held = new HeldBytes()
  #clientEnded = false
  #reach: Reach | undefined
  /** The PROXY header goes out before the backend is connected. */
  #headerSent = false
  #connected: Connected | undefined
  #splice: Splice | undefined
  #keptAlive = false
  #over = false

  constructor(host: L4Host<L4Connection>, snapshot: L4Snapshot) {
    this.#host = host
    this.snapshot = snapshot
    this.startedAt = host.deps.clock.now()
  }

  get downstream(): Transport {
    return this.#downstream
  }

  get poolName(): string | undefined {
    return this.#target?.pool.name
  }

  /** The backend that it is connected to. */
  get backend(): Backend | undefined {
    return this.#connected?.backend
  }

  /** The client's address, as logs and limits know it. A system call unless a PROXY header said it; undefined once closed. */
  get client(): Endpoint | undefined {
    return this.#header?.source ?? remoteEndpoint(this.#downstream)
  }

  /** By its ClientHello, or as a PROXY header said. */
  get serverName(): string | undefined {
    return this.#serverName
  }

  /** Backends that were dialled; undefined: none was chosen. */
  get attempts(): number | undefined {
    return this.#connected?.waits.attempts ?? this.#reach?.attempts
  }

  /** Once it is connected. */
  get waits(): ReachWaits | undefined {
    return this.#connected?.waits
  }

  begin(attach: Attach, refuse: boolean): void {
    this.#downstream = attach(this, this.snapshot.tls !== undefined)
    // The log line needs the address, which a closed connection no longer has.
    if (this.snapshot.accessLog !== undefined) void this.#downstream.remote
    if (refuse) return this.#refuse('shutdown', 'LB_SHUTTING_DOWN')
    const { gate, config } = this.snapshot
    this.#admission = gate.enter()
    if (this.#admission === undefined) return this.#refuse('limit', 'LB_CONNECTION_LIMIT')
    if (!gate.needsAddress) return this.#proceed()
    const peer = remoteEndpoint(this.#downstream)
    if (gate.expectsProxyHeader(peer?.address)) {
      new ProxyHeaderReader(this.#downstream, this.#host.deps.deadlines, config.timeouts.handshakeMs, this)
      return
    }
    this.#admit(peer?.address)
  }

  keepAlive(): void {
    if (this.#keptAlive || this.#connected === undefined) return
    this.#keptAlive = true
    this.#connected.upstream.keepAlive(KEEP_ALIVE_MS)
  }

  /** Ends the connection from our side, at whatever step it is. */
  cut(reason: CutReason): void {
    if (this.#splice !== undefined) return this.#splice.cut(reason)
    this.#end({ ...unremarkable, reason })
  }

  // ---- PROXY header

  onProxyHeader(header: ProxyHeader, buffer: Buffer, start: number, end: number): void {
    this.#header = header
    this.#serverName = header.authority
    this.#alpn = header.alpn
    this.#downstream.owner = this
    // Bytes that came with the header are held: neither TLS nor the peek nor the dial reads the connection yet.
    this.#held.hold(buffer, start, end)
    this.#admit((header.source ?? remoteEndpoint(this.#downstream))?.address)
  }

  onProxyHeaderFailed(problem: string, gone: boolean): void {
    if (gone) return this.#clientGone(undefined)
    this.#refuse('proxy-header', 'LB_PROXY_HEADER', new Error(problem))
  }

  // ---- the ClientHello

  onPeeked(serverName: string | undefined, ended: boolean): void {
    this.#downstream.owner = this
    this.#clientEnded = ended
    this.#named(serverName)
  }

  onPeekFailed(error: Error | undefined, gone: boolean): void {
    if (gone) this.#clientGone(error)
    else this.#refuse('no-sni', 'LB_TLS_HANDSHAKE', error)
  }

  // ---- before the splice, this owns the client's side

  onData(buffer: Buffer, start: number, end: number): void {
    this.#held.hold(buffer, start, end)
    if (this.#held.full) this.#downstream.pause()
  }

  onEnd(): void {
    this.#clientEnded = true
  }

  onDrain(): void {}

  onClose(error: NodeJS.ErrnoException | undefined): void {
    this.#clientGone(error)
  }

  onInternalError(error: unknown): string {
    if (this.#splice !== undefined) this.#splice.cut('internal')
    else this.#refuse('internal', 'LB_INTERNAL', error as Error)
    return this.snapshot.config.name
  }

  // ---- reaching a backend

  onReached(connected: Connected): void {
    this.#reach = undefined
    this.#connected = connected
    const { deadlines } = this.#host.deps
    const { idleMs, halfCloseMs } = this.snapshot.config.timeouts
    const options = { deadlines, idleMs, halfCloseMs, counters: this.#host.metrics.bytes }
    const { upstream } = connected
    // The header and the client's first bytes go out in one packet.
    const header = this.#headerSent ? undefined : this.#proxyHeader()
    if (header !== undefined) {
      upstream.cork()
      upstream.sendOwned(header)
    }
    const held = { bytes: this.#held.take(), ended: this.#clientEnded }
    this.#splice = splice(this.#downstream, upstream, options, (end) => this.#spliced(end), held)
    if (header !== undefined) upstream.uncork()
  }

  onUnreachable(code: ErrorCode, backend: Backend | undefined, error: Error | undefined): void {
    this.#refuse('no-backend', code, error, backend)
  }

  onAttemptFailed(code: ErrorCode, backend: Backend, error: Error | undefined): void {
    this.#host.onAttemptFailed(this, code, backend, error)
  }

  // ---- the steps

  #admit(address: string | undefined): void {
    const refusal = this.snapshot.gate.admit(address, this.#admission!)
    if (refusal === 'denied') this.#refuse('denied', 'LB_DENIED')
    else if (refusal !== undefined) this.#refuse('limit', 'LB_CONNECTION_LIMIT', new Error(refusal))
    else this.#proceed()
  }

  #proceed(): void {
    const { tls, names, target, config } = this.snapshot
    if (tls === undefined && names === undefined) return this.#choose(target)
    this.#postgres = new PostgresStart()
    if (tls !== undefined) return this.#secure()
    const { deadlines } = this.#host.deps
    const { handshakeMs } = config.timeouts
    this.#peek = new Peek(this.#downstream, this.#held, this.#postgres, deadlines, handshakeMs, this)
    this.#peek.begin()
  }

  #secure(): void {
    const rest = this.#held.empty ? undefined : Buffer.concat(this.#held.take())
    const done: Secured = (transport, failed) => this.#secured(transport, failed)
    this.#handshake = this.snapshot.tls!.secure(this.#downstream, rest, done, this.#postgres)
  }

  #secured(...[transport, failed]: Parameters<Secured>): void {
    this.#handshake = undefined
    if (transport === undefined) {
      this.#serverName = failed!.serverName ?? this.#serverName
      return this.#end(unsecured(failed!))
    }
    this.#downstream = transport
    transport.owner = this
    this.#alpn = transport.tls!.alpn ?? this.#alpn
    this.#named(transport.tls!.serverName)
  }

  #named(name: string | undefined): void {
    if (name !== undefined) this.#serverName = name
    const { names, target } = this.snapshot
    this.#choose((name === undefined ? undefined : names?.find(name)) ?? target)
  }

  #choose(target: L4Target | undefined): void {
    if (target === undefined)
      return this.#refuse('no-sni', 'LB_NO_SNI', new Error(this.#serverName ?? 'no server name'))
    this.#target = target
    const hash = target.hashesClient ? clientHash(this.client?.address) : undefined
    // Servers read the PROXY header before the handshake, and before they are asked for TLS.
    const { tls } = target.dial
    const asks = this.#postgres?.asksServer(this.snapshot.tls === undefined, tls !== undefined, this.#alpn)
    this.#headerSent = asks === true || tls !== undefined
    const preface = this.#headerSent ? this.#proxyHeader() : undefined
    const dial = this.#headerSent ? { ...target.dial, preface } : target.dial
    this.#reach = new Reach({ ...target, dial }, hash, this.#downstream, this.#host.deps.clock, this, asks)
    this.#reach.start()
  }

  #proxyHeader(): Buffer | undefined {
    const version = this.#target!.pool.config.proxyProtocol
    if (version === undefined) return undefined
    const server = this.#header?.destination ?? localEndpoint(this.#downstream)
    const tlvs = { authority: this.#serverName, alpn: this.#alpn, ssl: this.#downstream.tls }
    return proxyProtocolHeader(version, this.client, server, tlvs)
  }

  // ---- the ends

  #refuse(refused: RefusedReason, code: ErrorCode, error?: Error, backend?: Backend): void {
    this.#end({ reason: 'refused', code, failed: true, refused, backend, error })
  }

  #clientGone(error: Error | undefined): void {
    this.#end({ ...unremarkable, reason: 'client-gone', code: 'LB_CLIENT_GONE', error })
  }

  #spliced(end: SpliceEnd): void {
    this.#finish(relayed(end, this.#connected!, this.#host.deps.clock.now()))
  }

  #end(end: ConnectionEnd): void {
    if (this.#over) return
    this.#reach?.cancel()
    this.#finish(end)
    this.#handshake?.cancel()
    // Undefined where the connection could not be taken over.
    ;(this.#downstream as Transport | undefined)?.reset()
  }

  #finish(end: ConnectionEnd): void {
    if (this.#over) return
    this.#held.take()
    this.#peek?.cancel()
    this.#admission?.leave()
    this.#host.onConnectionEnd(this, end)
    this.#over = true
  }
}
