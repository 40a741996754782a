import type { Backend } from '../../balancer/pool/backend.ts'
import { LogThrottle } from '../../core/log/log-throttle.ts'
import type { Counter } from '../../core/metrics/metrics.ts'
import { endpointText } from '../../net/dial/endpoint.ts'
import type { UdpDoor, UdpReceiver } from '../../net/datagram/udp-door.ts'
import type { UdpPeer } from '../../net/datagram/udp-handle.ts'
import type { Passage } from '../access/passage.ts'
import type { L4Deps } from '../deps.ts'
import { L4Metrics, type EndReason } from '../l4-metrics.ts'
import { UdpSession, type DropReason, type UdpHost } from './udp-session.ts'
import type { UdpSnapshot } from './udp-snapshot.ts'

const DROPS: readonly DropReason[] = [
  'refused',
  'no-backend',
  'unreachable',
  'amplification',
  'descriptors',
  'send',
  'shutdown'
]

/** One UDP listener in one thread: owns its sessions. The kernel sends a client's datagrams to the same thread. */
export class UdpEngine implements UdpHost, UdpReceiver {
  readonly metrics: L4Metrics
  readonly #deps: L4Deps
  // Written by `apply` only; a session takes it once.
  #snapshot: UdpSnapshot
  readonly #sessions = new Map<string, UdpSession>()
  readonly #throttle: LogThrottle
  readonly #datagrams: { readonly in: Counter; readonly out: Counter }
  readonly #drops: ReadonlyMap<DropReason, Counter>
  #draining = false

  constructor(deps: L4Deps, snapshot: UdpSnapshot) {
    const listener = snapshot.config.name
    this.#deps = deps
    this.#snapshot = snapshot
    this.metrics = new L4Metrics(deps.metrics, listener)
    this.#throttle = new LogThrottle(deps.log, deps.clock, deps.deadlines)
    this.#datagrams = {
      in: deps.metrics.counter('lb_udp_datagrams_total', { listener, direction: 'in' }),
      out: deps.metrics.counter('lb_udp_datagrams_total', { listener, direction: 'out' })
    }
    this.#drops = new Map(
      DROPS.map((reason) => [reason, deps.metrics.counter('lb_udp_dropped_total', { listener, reason })])
    )
  }

  /** Applies to new sessions. Those to backends that were removed end with their last answers; the next datagram finds another. */
  apply(snapshot: UdpSnapshot): void {
    this.#snapshot = snapshot
    const slots = new Set(snapshot.pool.backends.map(({ slot }) => slot))
    for (const session of this.#sessions.values()) {
      const { backend } = session
      if (backend !== undefined && !slots.has(backend.slot)) session.leave('drained')
    }
  }

  /** Nobody connects to a UDP listener. */
  accept(): void {}

  onDatagram(door: UdpDoor, bytes: Buffer, from: UdpPeer): void {
    const key = `${from.port} ${from.address} ${door.host}`
    let session = this.#sessions.get(key)
    if (session?.isLeft === true) {
      session.end('drained')
      session = undefined
    }
    session ??= this.#begin(door, key, from)
    if (session === undefined) return
    try {
      session.send(bytes)
    } catch (error) {
      session.end('internal')
      throw error
    }
  }

  onDoorError(code: number): void {
    const { name: listener } = this.#snapshot.config
    if (this.#throttle.allows(`door ${code}`, 'warn', { listener })) {
      this.#deps.log.warn({ listener, errno: code }, 'receiving failed')
    }
  }

  get connections(): number {
    return this.#sessions.size
  }

  oldestMs(now: number): number {
    for (const { startedAt } of this.#sessions.values()) return Math.max(0, now - startedAt)
    return 0
  }

  /**
   * No new sessions, and those that wait for nothing end: a session without traffic would last until it is idle. Where nobody
   * says how much is answered, the last answers have a second.
   */
  drain(): void {
    this.#draining = true
    const { responses } = this.#snapshot.udp
    for (const session of this.#sessions.values()) {
      if (responses === undefined) session.leave('shutdown')
      else if (session.settled) session.end('shutdown')
    }
  }

  destroy(): void {
    this.#draining = true
    this.#end('shutdown', () => true)
  }

  /** Done whatever `onDown` says: a session keeps no state that would be lost when it moves. */
  backendDown(key: string): void {
    this.#end('backend-down', ({ backend }) => backend?.key === key)
  }

  closeBackend(key: string): void {
    this.#end('drained', ({ backend }) => backend?.key === key)
  }

  // UdpHost.

  get now(): number {
    return this.#deps.deadlines.now
  }

  exactNow(): number {
    return this.#deps.clock.now()
  }

  onSessionEnd(session: UdpSession, reason: EndReason): void {
    this.#sessions.delete(session.key)
    this.#deps.deadlines.remove(session)
    this.metrics.open.add(-1)
    this.metrics.ended(reason)
    const { log } = this.#deps
    const { accessLog } = session
    if (accessLog === undefined) {
      if (log.level === 'debug' || log.level === 'trace')
        log.debug(this.#passage(session, reason), 'session ended')
      return
    }
    const failed = reason === 'unreachable' || (reason === 'refused' && session.backend === undefined)
    if (failed) accessLog.write('warn', this.#passage(session, reason), 'no backend reached')
    else accessLog.write('debug', this.#passage(session, reason), 'session ended')
  }

  onBackendFailed(session: UdpSession, backend: Backend, error: NodeJS.ErrnoException): void {
    const code = 'LB_CONNECT_FAILED'
    this.metrics.failed(code)
    const { name: listener } = this.#snapshot.config
    if (!this.#throttle.allows(`${code} ${backend.key}`, 'warn', { listener, backend: backend.key, code }))
      return
    this.#deps.log.warn({ ...this.#fields(session), code, cause: error.message }, 'backend not reached')
  }

  dropped(reason: DropReason): void {
    this.#drops.get(reason)!.add()
  }

  relayed(direction: 'in' | 'out', bytes: number): void {
    this.#datagrams[direction].add()
    this.metrics.bytes[direction].add(bytes)
  }

  #begin(door: UdpDoor, key: string, from: UdpPeer): UdpSession | undefined {
    if (this.#draining) {
      this.dropped('shutdown')
      return undefined
    }
    const { gate } = this.#snapshot
    const admission = gate.enter()
    if (admission === undefined) return this.#refuse('limit')
    const refusal = gate.needsAddress ? gate.admit(from.address, admission) : undefined
    if (refusal !== undefined) {
      admission.leave()
      return this.#refuse(refusal === 'denied' ? 'denied' : 'limit')
    }
    const session = new UdpSession(this, this.#snapshot, door, admission, key, from)
    this.#sessions.set(key, session)
    this.#deps.deadlines.add(session)
    this.metrics.accepted.add()
    this.metrics.open.add(1)
    return session
  }

  #refuse(reason: 'denied' | 'limit'): undefined {
    this.metrics.refused(reason)
    this.dropped('refused')
    return undefined
  }

  #end(reason: EndReason, which: (session: UdpSession) => boolean): void {
    for (const session of this.#sessions.values()) if (which(session)) session.end(reason)
  }

  #passage(session: UdpSession, reason: EndReason): Passage {
    const { name: listener } = this.#snapshot.config
    return {
      event: 'session',
      listener,
      client: endpointText(session.client),
      protocol: 'udp',
      ...session.passed,
      reason,
      ms: Math.round(100 * (this.#deps.clock.now() - session.startedAt)) / 100
    }
  }

  #fields({ client, backend }: UdpSession): object {
    const { name: listener, pool } = this.#snapshot.config
    return { listener, pool, client: endpointText(client), backend: backend?.key }
  }
}
