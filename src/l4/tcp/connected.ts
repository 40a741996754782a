import type { Backend } from '../../balancer/pool/backend.ts'
import type { Lease, Outcome } from '../../balancer/pool/lease.ts'
import type { Transport } from '../../net/transport/transport.ts'

const AT_ONCE_MS = 1_000
/** A backend that has taken this many bytes counts as reachable. */
const TAKEN_BYTES = 65_536

export interface ReachWaits {
  /** Backends dialled. */
  readonly attempts: number
  /** Milliseconds in the queue; 0 where it did not wait. */
  readonly queueMs: number
  /** For the connection that was made. */
  readonly connectMs: number
}

/** A connection to a backend with all that is counted for it. Release it once, when the socket is closed. */
export class Connected {
  readonly backend: Backend
  readonly upstream: Transport
  readonly waits: ReachWaits
  readonly #lease: Lease
  #open = true
  readonly #connectedAt: number

  constructor(lease: Lease, upstream: Transport, waits: ReachWaits, now: number) {
    this.#connectedAt = now
    this.backend = lease.backend
    this.upstream = upstream
    this.waits = waits
    this.#lease = lease
    lease.answered(waits.connectMs)
  }

  /**
   * It broke off within a second and before its first byte: accepted by a kernel or a proxy in front of a service that
   * is not there. Later, or after a byte, breaking off may be how its protocol ends.
   */
  failedAtOnce(now: number): boolean {
    const { bytesIn, bytesOut } = this.upstream
    return bytesIn === 0 && bytesOut < TAKEN_BYTES && now - this.#connectedAt < AT_ONCE_MS
  }

  /** Once; again where it threw. */
  release(outcome: Outcome): void {
    if (this.#open) {
      this.#open = false
      this.backend.closed()
    }
    this.#lease.release(outcome)
  }
}
