/** Two closes of idle connections at about the same age are a rule of the backend; one may be a restart. */
const ALIKE = 0.05
const ALIKE_MS = 300
/** No server keeps idle connections for less than a second: what is closed before is a restart or a mishap. */
const LEAST_MS = 500
/** Closes within this time may have one cause. */
const APART_MS = 1_000
/** What was learnt is looked at again after this, in case the backend was set otherwise. */
const FORGET_MS = 10 * 60_000

/**
 * How long a backend keeps idle connections, learnt from its FINs: one that is retired just before is not met by a request
 * that is on its way (RFC 9112 §9.3.1).
 */
export class IdleLimit {
  #learntMs = Infinity
  #learntAt = 0
  #lastMs = -1
  #lastAt = 0

  /** The backend has closed a connection that had been idle for `idleMs`. */
  closed(idleMs: number, now: number): void {
    if (idleMs < LEAST_MS) return
    // A server that looks once a second closes between one and two: one earlier close corrects what was learnt.
    if (idleMs < this.#learntMs && idleMs * 2 >= this.#learntMs) {
      this.#learntMs = idleMs
      this.#learntAt = now
    }
    const alike = Math.abs(idleMs - this.#lastMs) <= Math.max(ALIKE_MS, idleMs * ALIKE)
    if (this.#lastMs >= 0 && alike && now - this.#lastAt >= APART_MS) {
      this.#learntMs = Math.min(idleMs, this.#lastMs)
      this.#learntAt = now
    }
    if (now - this.#lastAt >= APART_MS || this.#lastMs < 0) {
      this.#lastMs = idleMs
      this.#lastAt = now
    }
  }

  /** How long a connection may rest: `keepMs` at most, and less than the backend keeps it. */
  within(keepMs: number, now: number): number {
    if (this.#learntMs === Infinity) return keepMs
    if (now - this.#learntAt > FORGET_MS) {
      this.#learntMs = Infinity
      this.#lastMs = -1
      return keepMs
    }
    return Math.min(keepMs, this.#learntMs - Math.min(1_000, Math.max(300, this.#learntMs * 0.1)))
  }
}
