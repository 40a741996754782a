import type { Backend } from '../../balancer/pool/backend.ts'
import type { Lease, Outcome } from '../../balancer/pool/lease.ts'
import type { PickContext } from '../../balancer/pool/pick-context.ts'
import { guarded } from '../../core/containment.ts'
import type { Waits } from '../../core/deadlines.ts'
import type { Admission } from '../../net/admission/gate.ts'
import type { UdpDoor } from '../../net/datagram/udp-door.ts'
import {
  sendConnected,
  type DatagramOwner,
  type UdpHandle,
  type UdpPeer
} from '../../net/datagram/udp-handle.ts'
import { reportShortage } from '../../net/transport/descriptors.ts'
import { proxyProtocolHeader } from '../../net/proxy-protocol/write.ts'
import { clientHash } from '../l4-snapshot.ts'
import type { ConnectionLog } from '../access/connection-log.ts'
import type { EndReason } from '../l4-metrics.ts'
import { connectUpstream, outcomeOf } from './udp-upstream.ts'
import type { UdpSnapshot } from './udp-snapshot.ts'

/** Why a datagram was not relayed. */
export type DropReason =
  'refused' | 'no-backend' | 'unreachable' | 'amplification' | 'descriptors' | 'send' | 'shutdown'

export interface UdpHost {
  /** Of the last sweep of deadlines: good enough for what is idle. */
  readonly now: number
  exactNow(): number
  onSessionEnd(session: UdpSession, reason: EndReason): void
  onBackendFailed(session: UdpSession, backend: Backend, error: NodeJS.ErrnoException): void
  dropped(reason: DropReason): void
  relayed(direction: 'in' | 'out', bytes: number): void
}

/** Datagrams that wait while a backend's name is looked up. */
const MOST_HELD = 16
/** How long a session that is to end waits for what was asked last. */
const LAST_ANSWERS_MS = 1000
/** A larger one that may have to be sent again is not kept. */
const MOST_KEPT = 2048

/**
 * One client address and port: the backend that was picked for it, and a connected socket to that, so that its answers and
 * ICMP errors are told apart from all others. It ends when idle, or when all is answered (`udp.responses`).
 */
export class UdpSession implements DatagramOwner, Waits {
  deadline: number
  readonly key: string
  readonly client: UdpPeer
  readonly startedAt: number
  readonly #host: UdpHost
  readonly #snapshot: UdpSnapshot
  readonly #door: UdpDoor
  readonly #admission: Admission
  #lease: Lease | undefined
  #upstream: UdpHandle | undefined
  /** While the backend's name is looked up. */
  #held: Buffer[] | undefined
  /** Not answered yet: what another backend is sent if this one refuses. */
  #unanswered: Buffer | undefined
  #tried: Backend[] | undefined
  #header: Buffer | undefined
  #bytesIn = 0
  #bytesOut = 0
  #requests = 0
  #responses = 0
  /** Responses that went on to the client. */
  #answers = 0
  /** The last backend that was picked; its lease is given back before the line is written. */
  #asked: Backend | undefined
  #attempts = 0
  /** Why it ends once all is answered. */
  #leaves: EndReason | undefined
  #over = false

  constructor(
    host: UdpHost,
    snapshot: UdpSnapshot,
    door: UdpDoor,
    admission: Admission,
    key: string,
    client: UdpPeer
  ) {
    this.#host = host
    this.#snapshot = snapshot
    this.#door = door
    this.#admission = admission
    this.key = key
    this.client = client
    this.startedAt = host.exactNow()
    this.deadline = Infinity
    door.enter()
  }

  get backend(): Backend | undefined {
    return this.#lease?.backend
  }

  /** As it was when it began. */
  get accessLog(): ConnectionLog | undefined {
    return this.#snapshot.accessLog
  }

  /** What its line says of it. */
  get passed() {
    return {
      pool: this.#snapshot.pool.name,
      backend: this.#asked?.key,
      attempts: this.#attempts,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      datagramsIn: this.#requests,
      datagramsOut: this.#answers
    }
  }

  /** Every datagram has been answered, or none is to be. */
  get settled(): boolean {
    return this.#responses >= this.#requests * (this.#snapshot.udp.responses ?? 1)
  }

  /** It ends when all is answered, or soon. */
  leave(reason: EndReason): void {
    if (this.settled) return this.end(reason)
    if (this.#leaves === undefined)
      this.deadline = Math.min(this.deadline, this.#host.exactNow() + LAST_ANSWERS_MS)
    this.#leaves = reason
  }

  /** Its backend is not to get more: the client's next datagram begins another session. */
  get isLeft(): boolean {
    return this.#leaves === 'drained'
  }

  /** A datagram of the client's. */
  send(bytes: Buffer): void {
    this.#stay()
    this.#bytesIn += bytes.length
    this.#requests++
    if (this.#upstream !== undefined) return this.#forward(bytes)
    if (this.#held !== undefined) return this.#hold(bytes)
    if (this.#reach(bytes)) return
    this.#host.dropped('no-backend')
    this.end('refused')
  }

  // From the backend.

  onDatagram(bytes: Buffer): void {
    guarded(() => this.#answer(bytes), this)
  }

  onDatagramError(code: number): void {
    guarded(() => this.#failed(outcomeOf(code)), this)
  }

  onDeadline(): void {
    this.end(this.#leaves ?? 'idle')
  }

  onInternalError(): string {
    this.end('internal')
    return this.#snapshot.config.name
  }

  end(reason: EndReason): void {
    if (this.#over) return
    this.#over = true
    this.#release(this.#responses > 0 ? 'ok' : 'cancelled')
    this.#held = this.#unanswered = undefined
    this.#admission.leave()
    this.#door.leave()
    this.#host.onSessionEnd(this, reason)
  }

  #hold(bytes: Buffer): void {
    if (this.#held!.length < MOST_HELD) this.#held!.push(bytes)
    else this.#host.dropped('send')
  }

  #forward(bytes: Buffer): void {
    const status = sendConnected(this.#upstream!, bytes, this.#header)
    // One that was too long with the header, or found no room, did not bring it: the next one does.
    if (status >= 0) this.#header = undefined
    const keeps = this.#snapshot.udp.responses !== 0 && this.#responses < this.#requests
    this.#unanswered = keeps && bytes.length <= MOST_KEPT ? bytes : undefined
    if (status >= 0) return this.#host.relayed('in', bytes.length)
    const failure = outcomeOf(status)
    // A datagram that is too long, or finds no room, is not the backend's fault; what the kernel learnt by ICMP is.
    if (failure.outcome === 'unused') this.#host.dropped('send')
    else this.#failed(failure)
  }

  #answer(bytes: Buffer): void {
    if (this.#over) return
    const { udp } = this.#snapshot
    if (this.#responses++ === 0) this.#lease?.answered(this.#host.exactNow() - this.startedAt)
    this.#unanswered = undefined
    this.#tried = undefined
    this.#stay()
    if (
      udp.amplification !== undefined &&
      this.#bytesOut + bytes.length > udp.amplification * this.#bytesIn
    ) {
      this.#host.dropped('amplification')
    } else if (this.#door.send(bytes, this.client) < 0) this.#host.dropped('send')
    else {
      this.#bytesOut += bytes.length
      this.#answers++
      this.#host.relayed('out', bytes.length)
    }
    if (!this.settled) return
    if (udp.responses !== undefined && udp.responses > 0) this.end('answered')
    else if (this.#leaves !== undefined) this.end(this.#leaves)
  }

  #stay(): void {
    if (this.#leaves === undefined) this.deadline = this.#host.now + this.#snapshot.udp.idleMs
  }

  /** Picks a backend, connects to it, and sends it `first`; perhaps later, when its name is known. False: there is none. */
  #reach(first: Buffer): boolean {
    const { pool, hashesClient } = this.#snapshot
    const context: PickContext = { tried: this.#tried }
    if (hashesClient) context.hash = clientHash(this.client.address)
    for (;;) {
      const lease = pool.acquire(context)
      if (lease === undefined) return false
      const { backend } = lease
      if (this.#tried?.includes(backend) === true || !backend.tryOpen()) {
        lease.release('unused')
        if (this.#tried?.includes(backend) === true) return false
        context.tried = this.#tried = [...(this.#tried ?? []), backend]
        continue
      }
      this.#lease = lease
      this.#asked = backend
      this.#attempts++
      this.#header = this.#proxyHeader()
      this.#held = [first]
      connectUpstream(backend.address, pool.config.source, this, (handle, failure) => {
        if (this.#over || this.#lease !== lease) return void handle?.close()
        this.#upstream = handle
        const held = this.#held ?? []
        this.#held = undefined
        if (failure !== undefined) {
          this.#unanswered ??= held[0]
          return this.#failed(failure)
        }
        for (const bytes of held) if (!this.#over) this.#forward(bytes)
      })
      return true
    }
  }

  /** The backend cannot be reached: another one is tried, with what was not answered. */
  #failed({ outcome, error }: { outcome: Outcome; error: NodeJS.ErrnoException }): void {
    const lease = this.#lease
    if (lease === undefined || this.#over) return
    const again = this.#unanswered
    this.#unanswered = undefined
    if (error.code === 'EMFILE' || error.code === 'ENFILE') {
      this.#host.dropped('descriptors')
      reportShortage()
      return this.end('refused')
    }
    this.#host.onBackendFailed(this, lease.backend, error)
    this.#release(outcome)
    this.#tried = [...(this.#tried ?? []), lease.backend]
    const { attempts } = this.#snapshot.pool.config.retry
    if (again === undefined || this.#tried.length > attempts || !this.#reach(again)) {
      if (again !== undefined) this.#host.dropped('unreachable')
      this.end('unreachable')
    }
  }

  #release(outcome: Outcome): void {
    const lease = this.#lease
    this.#upstream?.close()
    this.#upstream = undefined
    if (lease === undefined) return
    this.#lease = undefined
    lease.backend.closed()
    lease.release(outcome)
  }

  /** Before the first datagram to a backend, in the same packet. */
  #proxyHeader(): Buffer | undefined {
    if (this.#snapshot.pool.config.proxyProtocol === undefined) return undefined
    const { host, port } = this.#door
    return proxyProtocolHeader('v2', this.client, { address: host, port }, {}, true)
  }
}
