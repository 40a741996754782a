import { hash } from 'node:crypto'
import { Redis } from 'ioredis'
import type { RedisConfig } from '../config/model/model.ts'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/log/log.ts'
import type { Counter, Gauge, Metrics } from '../core/metrics/metrics.ts'
import type { RateGrant, RateQuestion, RemoteRates } from '../l7/stages/rate-limit/remote-rates.ts'
import { rateScript } from './rate-script.ts'

/** Failures in a row after which nobody asks for a while. */
const OPENS_AFTER = 3
const TRIES_AGAIN_MS = 1000
const MAX_REASON = 200

const sha = hash('sha1', rateScript)

export interface RedisClientParts {
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  readonly thread: number
}

/**
 * The Redis of one thread, behind a breaker: only while it answers are requests made to wait for it. Whether it answers
 * again is found out in the background, by the same script on a key of its own, so that a full or read-only one stays out.
 */
export class RedisClient implements RemoteRates {
  readonly timeoutMs: number
  readonly #redis: Redis
  readonly #parts: RedisClientParts
  readonly #prefix: string
  readonly #where: string
  readonly #up: Gauge
  readonly #results: Readonly<Record<'ok' | 'timeout' | 'error', Counter>>
  /** undefined: not known yet. */
  #usable: boolean | undefined
  #failures = 0
  #closed = false
  #connectionError: string | undefined
  #stopTimer: () => void = () => {}

  constructor(config: RedisConfig, parts: RedisClientParts) {
    const { timeoutMs, prefix, host, port, path, tls, db } = config
    const { metrics } = parts
    this.timeoutMs = timeoutMs
    this.#parts = parts
    this.#prefix = prefix
    this.#where = path ?? `${host}:${port}`
    this.#up = metrics.gauge('lb_redis_up', { worker: String(parts.thread) })
    const counter = (result: string) => metrics.counter('lb_redis_commands_total', { result })
    this.#results = { ok: counter('ok'), timeout: counter('timeout'), error: counter('error') }
    this.#redis = new Redis({
      ...(path === undefined
        ? { host: host!, port: port!, ...(tls && { tls: { servername: host! } }) }
        : { path }),
      ...(config.username !== undefined && { username: config.username }),
      ...(config.password !== undefined && { password: config.password }),
      db,
      protocol: 2,
      connectionName: 'lb',
      disableClientInfo: true,
      commandTimeout: timeoutMs,
      connectTimeout: Math.max(1000, timeoutMs),
      enableOfflineQueue: false,
      enableAutoPipelining: true,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => TRIES_AGAIN_MS / 2
    })
    this.#redis.on('error', (error: Error) => (this.#connectionError = reasonOf(error)))
    this.#redis.on('ready', () => {
      this.#connectionError = undefined
      this.#probe()
    })
    this.#redis.on('close', () => this.#lost(this.#connectionError ?? 'the connection has ended'))
    this.#probeLater()
  }

  get usable(): boolean {
    return this.#usable === true
  }

  ask(question: RateQuestion, done: (grant: RateGrant | undefined) => void): void {
    this.#run(question).then(
      (grant) => {
        this.#results.ok.add()
        this.#failures = 0
        done(grant)
      },
      (error: unknown) => {
        this.#failed(error)
        done(undefined)
      }
    )
  }

  close(): void {
    this.#closed = true
    this.#stopTimer()
    this.#up.set(0)
    this.#redis.disconnect()
  }

  async #run({ key, rule, cost, want, force, window }: RateQuestion): Promise<RateGrant> {
    const { algorithm, requests, perMs, burst } = rule
    const rest = [algorithm, requests, perMs, burst, cost, want, force ? 1 : 0, window ?? '']
    const name = this.#prefix + key
    let reply: unknown
    try {
      reply = await this.#redis.evalsha(sha, 1, name, ...rest)
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
      reply = await this.#redis.eval(rateScript, 1, name, ...rest)
    }
    return grantOf(reply)
  }

  #failed(error: unknown): void {
    if (this.#closed) return
    const reason = reasonOf(error)
    this.#results[reason === 'Command timed out' ? 'timeout' : 'error'].add()
    if (++this.#failures >= OPENS_AFTER) this.#lost(reason)
  }

  #lost(reason: string): void {
    if (this.#closed) return
    if (this.#usable !== false) {
      const fields = { redis: this.#where, reason: reason.slice(0, MAX_REASON) }
      this.#parts.log.warn(fields, 'Redis is not reachable: what it counts follows onError')
    }
    this.#usable = false
    this.#up.set(0)
    this.#probeLater()
  }

  #probeLater(): void {
    this.#stopTimer()
    this.#stopTimer = this.#parts.clock.after(TRIES_AGAIN_MS, () => this.#probe())
  }

  #probe(): void {
    if (this.#closed || this.#usable === true) return
    const { thread } = this.#parts
    const question = { key: `probe:${thread}`, cost: 1, want: 1, force: true, window: undefined, rule: PROBE }
    this.#run(question).then(
      () => this.#found(),
      (error: unknown) => this.#lost(this.#connectionError ?? reasonOf(error))
    )
  }

  #found(): void {
    if (this.#closed || this.#usable === true) return
    this.#usable = true
    this.#failures = 0
    this.#up.set(1)
    this.#stopTimer()
    this.#parts.log.info({ redis: this.#where }, 'Redis is reachable')
  }
}

const PROBE = {
  algorithm: 'fixed-window',
  requests: 1,
  perMs: 1000,
  burst: 1,
  unitsPerToken: 1,
  unitMs: 1000
} as const

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Throws for anything but what the script answers: whoever speaks there is not it. */
function grantOf(reply: unknown): RateGrant {
  if (!Array.isArray(reply) || reply.length !== 5) throw new Error("an answer that is not the script's")
  const [granted, remaining, retry, full, window] = reply.map(Number)
  if (![granted, remaining, retry, full, window].every(Number.isFinite)) {
    throw new Error("an answer that is not the script's")
  }
  return {
    granted: granted!,
    remaining: remaining!,
    retryMs: retry! / 1000,
    fullMs: full! / 1000,
    window: window!
  }
}
