import type { Decision } from '../../src/shared/rate-decision.ts'
import { rateRule } from '../../src/shared/rate-rule.ts'
import { RemoteLimit } from '../../src/l7/stages/rate-limit/remote-limit.ts'
import type { RateGrant, RateQuestion, RemoteRates } from '../../src/l7/stages/rate-limit/remote-rates.ts'
import { seededRandom } from '../../src/core/random.ts'
import { SimClock } from './sim-clock.ts'

export interface LeaseOptions {
  readonly instances: number
  /** Share of the limit that is taken at once; 0: exact. */
  readonly lease: number
  /** Requests per second allowed, over all instances. */
  readonly limit: number
  /** Requests per second that come, over all instances, in multiples of the limit. */
  readonly load: number
  readonly seconds: number
  readonly seed: number
}

export interface LeaseResult {
  /** Of the limit, after the first second. */
  readonly passed: number
  /** The fullest second, of the limit. */
  readonly worst: number
  /** Questions to Redis per request. */
  readonly asked: number
}

/** A round trip to Redis. */
const TRIP_MS = 0.5

/** The script in Redis (token bucket) over one key, a round trip away. */
class CountingServer implements RemoteRates {
  readonly usable = true
  readonly timeoutMs = 50
  asked = 0
  readonly #clock: SimClock
  #debt = 0
  #at = 0

  constructor(clock: SimClock) {
    this.#clock = clock
  }

  ask(question: RateQuestion, done: (grant: RateGrant | undefined) => void): void {
    this.asked++
    this.#clock.after(TRIP_MS / 2, () => {
      const grant = this.#answer(question)
      this.#clock.after(TRIP_MS / 2, () => done(grant))
    })
  }

  #answer({ rule: { requests, perMs, burst }, cost, want, force }: RateQuestion): RateGrant {
    const now = this.#clock.now()
    this.#debt = Math.max(0, this.#debt - ((now - this.#at) * requests) / perMs)
    this.#at = now
    const room = burst - this.#debt
    let granted = 0
    if (force) granted = cost
    else if (room + 1e-9 >= cost) granted = Math.max(cost, Math.min(want, Math.floor(room / 2)))
    this.#debt = Math.max(0, this.#debt + granted)
    const retryMs = granted === 0 ? Math.ceil(((cost - room) * perMs) / requests) : 0
    return {
      granted,
      remaining: Math.max(0, Math.floor(room - granted)),
      retryMs,
      fullMs: (this.#debt * perMs) / requests,
      window: 0
    }
  }
}

/** Poisson arrivals at instances that share one limit; it is the real RemoteLimit that decides in each. */
export function simulateLeases(options: LeaseOptions): LeaseResult {
  const { instances, lease, limit, load, seconds, seed } = options
  const random = seededRandom(seed)
  const clock = new SimClock(1 << 20)
  const server = new CountingServer(clock)
  const rule = rateRule({
    algorithm: 'token-bucket',
    requests: limit,
    perMs: 1000,
    burst: Math.ceil(limit / 20)
  })
  const config = { mode: lease === 0 ? 'exact' : 'lease', lease: lease || 0.05, maxKeys: 8 } as const
  const limits = Array.from({ length: instances }, () => new RemoteLimit(server, rule, config, 'sim', clock))
  const key = limits[0]!.keyOf('all')
  const decision: Decision = { allowed: false, remaining: 0, retryMs: 0, fullMs: 0 }
  const perSecond = new Float64Array(seconds)
  let requests = 0
  const count = () => {
    const second = Math.floor(clock.now() / 1000)
    if (second < seconds) perSecond[second]!++
  }
  const arrive = () => {
    requests++
    const here = limits[Math.floor(random() * instances)]!
    if (here.decide(key, 1, decision)) {
      if (decision.allowed) count()
    } else {
      here.ask(key, 1, here.timeoutMs, (found) => {
        if (found?.allowed === true) count()
      })
    }
    clock.after((-Math.log(1 - random()) * 1000) / (limit * load), arrive)
  }
  arrive()
  clock.runUntil(seconds * 1000)
  const steady = perSecond.subarray(1)
  return {
    passed: steady.reduce((sum, each) => sum + each, 0) / steady.length / limit,
    worst: Math.max(...steady) / limit,
    asked: server.asked / requests
  }
}
