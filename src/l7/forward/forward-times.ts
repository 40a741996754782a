/** When the steps of a forwarded request were, of the last attempt; in ms of performance.now(). */
export class ForwardTimes {
  /** Waits for a place, over all attempts. */
  queueMs = 0
  /** Making the connection; -1 where one was there. */
  connectMs = -1
  /** From the lease to the whole head of the response; -1 before it. */
  latencyMs = -1
  #leasedAt = 0
  #waitsSince = 0

  waits(): void {
    this.#waitsSince = performance.now()
  }

  leased(): void {
    this.latencyMs = -1
    this.connectMs = -1
    this.#leasedAt = performance.now()
    if (this.#waitsSince === 0) return
    this.queueMs += this.#leasedAt - this.#waitsSince
    this.#waitsSince = 0
  }

  connected(): void {
    this.connectMs = performance.now() - this.#leasedAt
  }

  answered(): void {
    this.latencyMs = performance.now() - this.#leasedAt
  }

  /** When the head of the response was there; 0 before it. */
  get answeredAt(): number {
    return this.latencyMs < 0 ? 0 : this.#leasedAt + this.latencyMs
  }
}
