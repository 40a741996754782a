import type { PoolConfig } from '../../../config/model/model.ts'
import type { Random } from '../../../core/random.ts'

/** Lives end over the last tenth of what is allowed, so that connections opened together do not end together. */
const JITTER = 0.1

/** How long one connection to a backend may serve. */
export class Lifetime {
  readonly #endsAt: number
  readonly #requests: number
  /** When it was last put to rest. */
  restedAt = 0

  constructor({ maxAgeMs, maxRequests }: PoolConfig['connections'], now: number, random: Random) {
    const share = 1 - JITTER * random()
    this.#endsAt = maxAgeMs === undefined ? Infinity : now + maxAgeMs * share
    this.#requests = maxRequests === undefined ? Infinity : Math.max(1, Math.round(maxRequests * share))
  }

  /** How long one that is idle is kept: `keepMs` at most, and as the server's Keep-Alive hints. */
  restsUntil(now: number, keepMs: number, hintSeconds: number | undefined): number {
    this.restedAt = now
    // One second below the hint, since it may close while our request is on its way (RFC 9112 §9.3.1).
    const hintMs = hintSeconds === undefined ? Infinity : hintSeconds * 1e3 - 1e3
    return Math.min(now + Math.min(keepMs, hintMs), this.#endsAt)
  }

  isOver(served: number, now: number): boolean {
    return served >= this.#requests || now >= this.#endsAt
  }
}
