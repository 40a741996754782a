import type { Backend } from './backend.ts'

/** The pool that gave the lease; it is told once how the lease ended. */
export interface Lessor {
  released(lease: Lease, outcome: Outcome, latencyMs: number): void
  answered(lease: Lease, latencyMs: number): void
}

/** One counted pick. Release it exactly once; later calls are ignored. */
export class Lease {
  readonly backend: Backend
  /** The backend's place in its pool. Here too, so that a release need not fetch the backend: of 30,000 it is a cache miss. */
  readonly position: number
  /** The backend's BREAKER word when the lease was given: results from before it moved are ignored. */
  readonly breakerWord: number
  #lessor: Lessor | undefined

  constructor(backend: Backend, position: number, lessor: Lessor, breakerWord: number) {
    this.backend = backend
    this.position = position
    this.#lessor = lessor
    this.breakerWord = breakerWord
  }

  /**
   * The backend works, long before the lease ends (L4: it accepted the connection). The breaker and the latency average
   * are told now: otherwise a trial that is a session of hours would keep the breaker half-open for hours.
   */
  answered(latencyMs: number): void {
    this.#lessor?.answered(this, latencyMs)
  }

  /** `latencyMs`: time to the response head (L7) or to connect (L4), when there was one. */
  release(outcome: Outcome, latencyMs?: number): void {
    const lessor = this.#lessor
    if (lessor === undefined) return
    lessor.released(this, outcome, latencyMs ?? -1)
    // Cleared last: if `released` throws before the place is given back, `release` may be called again.
    this.#lessor = undefined
  }
}

/**
 * How a lease ended, told once when it is released. The breaker and the outlier detector hear of it.
 * `cancelled` (the client went away) and `unused` (nothing was tried) say nothing about the backend. `loaded`: it answered
 * that it has too much to do for now (429 or 503 with Retry-After): load, by which least-time goes, and no failure.
 */
export type Outcome =
  | 'ok'
  | 'connect-failure'
  | 'connect-timeout'
  | 'reset'
  | 'timeout'
  | 'protocol-error'
  | 'bad-status'
  | 'loaded'
  | 'cancelled'
  | 'unused'

/** True, false, or undefined when it says nothing about the backend. */
export function succeeded(outcome: Outcome): boolean | undefined {
  if (outcome === 'ok') return true
  return outcome === 'cancelled' || outcome === 'unused' || outcome === 'loaded' ? undefined : false
}
