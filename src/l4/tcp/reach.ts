import type { Backend } from '../../balancer/pool/backend.ts'
import type { Lease, Outcome } from '../../balancer/pool/lease.ts'
import type { PickContext } from '../../balancer/pool/pick-context.ts'
import type { Waiter } from '../../balancer/queue/waiter.ts'
import type { Clock } from '../../core/clock.ts'
import { contain, type Contained } from '../../core/containment.ts'
import type { ErrorCode } from '../../core/errors.ts'
import { dialFailure } from '../../net/dial/dial-failure.ts'
import { dial } from '../../net/dial/dial.ts'
import { PostgresAsk, type PostgresAsker } from '../../net/dial/postgres-ask.ts'
import { localEndpoint, remoteEndpoint } from '../../net/dial/endpoint.ts'
import type { Transport, TransportOwner } from '../../net/transport/transport.ts'
import { MAX_SESSION_REPEATS } from '../../net/tls/upstream-tls.ts'
import type { L4Target } from '../l4-snapshot.ts'
import { Connected } from './connected.ts'

/** A backend that is the listener itself is left out this long: a name may come to mean another. */
const LOOP_MS = 10_000

function looped(backend: Backend): { code: ErrorCode; backend: Backend; error: Error } {
  const error = new Error(`${backend.address.text} is this listener itself`)
  return { code: 'LB_LOOP', backend, error }
}

/** The connection that was made came in where the client's did. */
function isLoop(downstream: Transport, upstream: Transport): boolean {
  const own = localEndpoint(downstream)
  const other = remoteEndpoint(upstream)
  return own !== undefined && own.port === other?.port && own.address === other.address
}

export interface ReachListener extends Contained {
  /** Gives the upstream transport its owner before it returns. */
  onReached(connected: Connected): void
  /** No backend was reached; nothing is held any more. */
  onUnreachable(code: ErrorCode, backend: Backend | undefined, error: Error | undefined): void
  /** One backend failed and another will be tried. */
  onAttemptFailed(code: ErrorCode, backend: Backend, error: Error | undefined): void
}

/**
 * Finds a backend that accepts: pick, wait in the queue where all are full, dial, and on refusal or timeout the next
 * one, which the client does not notice. At most 1 + retry.attempts backends are dialled, each once.
 */
export class Reach implements TransportOwner, PostgresAsker {
  readonly #target: L4Target
  readonly #downstream: Transport
  readonly #clock: Clock
  readonly #listener: ReachListener
  /** The backend is PostgreSQL, to be asked for TLS first. */
  readonly #asks: boolean
  #ask: PostgresAsk | undefined
  readonly #context: PickContext
  readonly #tried: Backend[] = []
  #dials = 0
  /** Further tries of a backend after a TLS session came to nothing. */
  #sessions = MAX_SESSION_REPEATS
  #waiter: Waiter | undefined
  #queuedAt = 0
  #queueMs = 0
  // Set while a dial is under way.
  #lease: Lease | undefined
  /** Its socket is counted. */
  #open = false
  #upstream: Transport | undefined
  #dialledAt = 0
  #failure: { code: ErrorCode; backend: Backend; error: Error | undefined } | undefined
  #over = false

  constructor(
    target: L4Target,
    hash: number | undefined,
    downstream: Transport,
    clock: Clock,
    listener: ReachListener,
    asks = false
  ) {
    this.#target = target
    this.#downstream = downstream
    this.#clock = clock
    this.#listener = listener
    this.#asks = asks
    this.#context = { hash, tried: this.#tried }
  }

  /** Backends dialled so far. */
  get attempts(): number {
    return this.#dials
  }

  /** May call the listener before it returns. */
  start(): void {
    const { pool } = this.#target
    while (!this.#over) {
      const lease = pool.acquire(this.#context)
      if (lease === undefined) return this.#mayWait ? this.#queue() : this.#giveUp()
      if (this.#tried.includes(lease.backend)) {
        // All have been tried: one that refused a moment ago would refuse again.
        lease.release('unused')
        return this.#mayWait ? this.#queue() : this.#giveUp()
      }
      if (this.#dial(lease)) return
    }
  }

  /** The client is gone, or the connection is cut: gives everything back; the listener is not called any more. */
  cancel(): void {
    this.#over = true
    this.#waiter?.cancel()
    this.#waiter = undefined
    this.#release('cancelled')
    if (this.#ask !== undefined) this.#ask.cancel()
    else this.#upstream?.destroy()
  }

  get #mayWait(): boolean {
    const { pool } = this.#target
    return this.#failure === undefined ? pool.worthWaiting : pool.waitsWhileDown
  }

  #dial(lease: Lease): boolean {
    const { backend } = lease
    this.#lease = lease
    this.#tried.push(backend)
    const { address } = backend
    // A path leads to one socket; of addresses that shows once connected.
    const own = address.kind === 'unix' && this.#target.paths.has(address.path)
    if (own || (this.#target.loops.size > 0 && this.#isKnownLoop(backend))) {
      this.#failure = looped(backend)
      this.#release('unused')
      return false
    }
    // Its sockets are all taken by keep-alive connections of an L7 listener.
    if (!backend.tryOpen()) {
      this.#release('unused')
      return false
    }
    if (this.#failure !== undefined) {
      this.#listener.onAttemptFailed(this.#failure.code, this.#failure.backend, this.#failure.error)
    }
    this.#dials++
    this.#open = true
    this.#dialledAt = this.#clock.now()
    const { dial: options } = this.#target
    this.#upstream = dial(backend.address, this.#asks ? { ...options, tls: undefined } : options, this)
    return true
  }

  onConnect(): void {
    const lease = this.#lease
    if (lease === undefined) return
    const now = this.#clock.now()
    const { address } = lease.backend
    if (
      address.kind === 'tcp' &&
      this.#target.ports.has(address.port) &&
      isLoop(this.#downstream, this.#upstream!)
    )
      return this.#loop(lease.backend, now)
    if (!this.#asks) return this.#connected(lease, now)
    this.#ask = new PostgresAsk(this.#upstream!, lease.backend.address, this.#target.dial, this)
  }

  onAgreed(transport: Transport): void {
    this.#ask = undefined
    this.#upstream = transport
    this.#connected(this.#lease!, this.#clock.now())
  }

  onDisagreed(error: Error): void {
    this.#ask = undefined
    this.onClose(error)
  }

  #connected(lease: Lease, now: number): void {
    const connectMs = now - this.#dialledAt
    this.#target.connectSeconds.observe(connectMs / 1e3)
    const waits = { attempts: this.#dials, queueMs: this.#queueMs, connectMs }
    const connected = new Connected(lease, this.#upstream!, waits, now)
    this.#lease = undefined
    this.#over = true
    try {
      this.#listener.onReached(connected)
    } catch (error) {
      contain(error, this.#listener)
      connected.release('cancelled')
      connected.upstream.reset()
    }
  }

  onClose(error: NodeJS.ErrnoException | undefined): void {
    const lease = this.#lease
    if (lease === undefined) return
    const { code, outcome, again } = dialFailure(error, false)
    if (again === true && this.#sessions-- > 0) {
      this.#release('unused')
      this.#tried.pop()
      this.#dials--
      return this.start()
    }
    this.#release(outcome)
    const { backend } = lease
    this.#failure = { code, backend, error }
    const { pool } = this.#target
    this.#context.waitUntil ??= pool.downUntil()
    const tries = this.#dials <= pool.config.retry.attempts || !pool.isPast(this.#context.waitUntil)
    if (tries) this.start()
    else this.#giveUp()
  }

  #isKnownLoop({ key }: Backend): boolean {
    const until = this.#target.loops.get(key)
    if (until === undefined) return false
    if (this.#clock.now() < until) return true
    this.#target.loops.delete(key)
    return false
  }

  #loop(backend: Backend, now: number): void {
    this.#target.loops.set(backend.key, now + LOOP_MS)
    this.#failure = looped(backend)
    this.#release('connect-failure')
    this.#upstream!.reset()
    this.start()
  }

  onInternalError(error: unknown): string | undefined {
    this.cancel()
    return this.#listener.onInternalError?.(error)
  }

  // Nobody else speaks before the splice owns the connection: a backend's greeting comes after `onConnect`.
  onData(): void {}
  onEnd(): void {}
  onDrain(): void {}

  #queue(): void {
    this.#queuedAt = this.#clock.now()
    this.#waiter = this.#target.pool.enqueue(
      this.#context,
      (lease) => {
        this.#waiter = undefined
        const waitedMs = this.#clock.now() - this.#queuedAt
        this.#queueMs += waitedMs
        this.#target.queueSeconds.observe(waitedMs / 1e3)
        if (lease === undefined)
          return this.#failure === undefined ? this.#fail('LB_QUEUE_TIMEOUT') : this.#giveUp()
        if (this.#failure !== undefined) this.#tried.length = 0
        if (!this.#dial(lease)) this.start()
      },
      this
    )
    if (this.#waiter !== undefined) return
    // The queue has no room. A pool without a queue fails with LB_NO_BACKEND instead.
    this.#fail(this.#target.pool.config.queue.max > 0 ? 'LB_QUEUE_FULL' : 'LB_NO_BACKEND')
  }

  #giveUp(): void {
    if (this.#failure === undefined) return this.#fail('LB_NO_BACKEND')
    this.#over = true
    const { code, backend, error } = this.#failure
    this.#listener.onUnreachable(code, backend, error)
  }

  #fail(code: ErrorCode): void {
    this.#over = true
    this.#listener.onUnreachable(code, undefined, undefined)
  }

  #release(outcome: Outcome): void {
    const lease = this.#lease
    if (lease === undefined) return
    if (this.#open) {
      this.#open = false
      lease.backend.closed()
    }
    // Last: what threw before it gave the place back is called again.
    lease.release(outcome)
    this.#lease = undefined
  }
}
