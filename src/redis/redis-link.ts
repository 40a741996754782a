import { messageOf } from '../core/errors.ts'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/log/log.ts'
import type { Counter, Gauge, Metrics } from '../core/metrics/metrics.ts'
import { guarded } from '../core/containment.ts'
import { answerInTime, TIMED_OUT } from './answer-in-time.ts'
import { connect, nodesOf, reconnect, type Connection, type Node } from './connect.ts'
import { ConnectionFault } from './connection-fault.ts'
import { probe } from './probe.ts'
import { placeOf, type RedisPlan } from './redis-plan.ts'
import type { RedisBoard } from './redis-board.ts'
import { Relapses } from './relapses.ts'
import { concernsCommandOnly, isReply } from './reply-errors.ts'

/** Consecutive failures after which Redis is not used for a while. */
const OPENS_AFTER = 3
/** Interval of checks while it is not used. */
const LOOKS_AFTER_MS = 1000
/** A refused command is logged at most this often. */
const REFUSAL_TOLD_MS = 60_000
const MAX_REASON = 200
/** When Redis is still away after this, the reason is logged once more: it may have come back with another password. */
const STILL_AWAY_MS = 10_000

export interface RedisLinkDeps {
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  /** Absent when another link of the thread reports changes. */
  readonly board: RedisBoard | undefined
  readonly thread: number
}

/** A command run on the connection; it resolves with the result, or throws. */
export type Command<T> = (connection: Connection, prefix: string) => Promise<T>

/**
 * The Redis of one thread, behind a breaker: requests wait for it only while it answers. Whether it answers again is
 * checked in the background.
 */
export class RedisLink {
  readonly timeoutMs: number
  readonly confirmTimeoutMs: number
  readonly prefix: string
  readonly #connection: Connection
  readonly #deps: RedisLinkDeps
  readonly #cluster: boolean
  readonly #place: string
  readonly #up: Gauge
  readonly #results: Readonly<Record<'ok' | 'timeout' | 'error', Counter>>
  /** undefined: not known yet. */
  #usable: boolean | undefined
  #failures = 0
  /** When the last failure was noticed. */
  #failedAt = -Infinity
  /** When it last executed a command. */
  #answeredAt = -Infinity
  /** A command has had no answer in its time, and none has come since. Asked at once whether it is there. */
  #hangs = false
  /** A check is under way. */
  #checking = false
  /** A command has failed since the last check. */
  #failing = false
  /** Checks one after the other that had no answer in time, whatever other commands have had. */
  #lateChecks = 0
  readonly #relapses = new Relapses()
  #closed = false
  readonly #fault: ConnectionFault
  /** Since when it has been away. */
  #lostAt = 0
  #stopTimer: () => void = () => {}
  /** Callers that wait until it is known whether it answers. */
  #waiting: (() => void)[] = []

  constructor(plan: RedisPlan, deps: RedisLinkDeps) {
    const { timeoutMs, confirmTimeoutMs, prefix, kind } = plan.config
    const { metrics } = deps
    this.timeoutMs = timeoutMs
    this.confirmTimeoutMs = confirmTimeoutMs
    this.prefix = prefix
    this.#deps = deps
    this.#cluster = kind === 'cluster'
    this.#place = placeOf(plan.config)
    this.#up = metrics.gauge('lb_redis_up', { worker: String(deps.thread) })
    const counter = (result: string) => metrics.counter('lb_redis_commands_total', { result })
    this.#results = { ok: counter('ok'), timeout: counter('timeout'), error: counter('error') }
    this.#connection = connect(plan)
    this.#fault = new ConnectionFault(this.#connection)
    this.#connection.on('ready', () => {
      // After relapses it is not used for a while, connected or not.
      if (this.#relapses.rested(this.#deps.clock.now())) this.#probe()
    })
    this.#connection.on('close', () =>
      this.#lost(this.#fault.reason ?? 'the connection has ended', this.#fault.reason !== undefined)
    )
    this.#probeLater()
  }

  /** False: it is away, or has just left a question without an answer. Only those who cannot do without it ask now. */
  get usable(): boolean {
    return this.#usable === true && !this.#hangs
  }

  /** False: it is away. */
  get reachable(): boolean {
    return this.#usable === true
  }

  /** Of a cluster, as far as they are known; none of another place. */
  get nodes(): readonly Node[] {
    return nodesOf(this.#connection)
  }

  /** Resolves once it is known whether it answers, within `timeoutMs`; at once except at the start. */
  known(): Promise<void> {
    if (this.#usable !== undefined || this.#closed) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#deps.clock.after(this.timeoutMs, resolve)
    })
  }

  /** `done` is called once, never before this returns, and within `withinMs`; undefined: no answer. */
  ask<T>(command: Command<T>, done: (found: T | undefined) => void, withinMs = this.timeoutMs): void {
    const askedAt = this.#deps.clock.now()
    this.#run(command, withinMs).then(
      (found) => {
        this.#results.ok.add()
        this.#failures = 0
        guarded(() => done(found))
      },
      (error: unknown) => {
        this.#failed(error, askedAt, withinMs)
        guarded(() => done(undefined))
      }
    )
  }

  close(): void {
    this.#closed = true
    this.#usable = false
    this.#settled()
    this.#stopTimer()
    this.#up.set(0)
    this.#deps.board?.leave(this.#deps.thread)
    this.#connection.disconnect()
  }

  #run<T>(command: Command<T>, withinMs: number): Promise<T> {
    return answerInTime(this.#deps.clock, withinMs, async () => {
      const found = await command(this.#connection, this.prefix)
      // Also when that is too late for whoever has asked.
      this.#answered()
      return found
    })
  }

  #answered(): void {
    this.#answeredAt = this.#deps.clock.now()
    this.#hangs = false
  }

  #failed(error: unknown, askedAt: number, withinMs: number): void {
    if (this.#closed) return
    const reason = messageOf(error)
    const late = reason === TIMED_OUT
    this.#results[late ? 'timeout' : 'error'].add()
    // The next check finds out whether it works at all: what succeeds in between may be another node's answer, or a read.
    this.#failing = true
    if (concernsCommandOnly(error)) return this.#refusal(reason)
    const part = late && withinMs < this.timeoutMs
    // Not counted: commands with a part of the time only, and those that were under way during a counted failure, since
    // a pause is one failure.
    if (!part && askedAt >= this.#failedAt) {
      this.#failedAt = this.#deps.clock.now()
      if (++this.#failures >= OPENS_AFTER) return this.#lost(reason)
    }
    if (late && this.#answeredAt <= askedAt) this.#doubt(!part)
  }

  /** Nothing has come since a question was asked. After the whole time, no other request waits for the next answer. */
  #doubt(hangs: boolean): void {
    if (this.#usable !== true) return
    if (hangs) this.#hangs = true
    if (!this.#checking) this.#probe()
  }

  #refusal(reason: string): void {
    const { board, clock, log } = this.#deps
    if (board?.tellsOfRefusal(clock.now(), REFUSAL_TOLD_MS) !== true) return
    const fields = { redis: this.#place, reason: reason.slice(0, MAX_REASON) }
    log.warn(fields, 'Redis refuses a command: its users continue without it (logged once a minute)')
  }

  /** `known`: `reason` is the text of the server or of the system. */
  #lost(reason: string, known = true): void {
    if (this.#closed) return
    const { board, thread, log, clock } = this.#deps
    const fields = { redis: this.#place, reason: reason.slice(0, MAX_REASON) }
    const now = clock.now()
    this.#hangs = false
    this.#lateChecks = 0
    if (this.#usable !== false) {
      if (this.#usable === true) this.#relapses.lost(now)
      this.#usable = false
      this.#lostAt = now
      this.#settled()
      this.#up.set(0)
      if (board?.found(thread, false, fields.reason) === true) {
        log.warn(
          fields,
          'Redis is not reachable: limits follow onError, caches use memory only, requests with sessions in it get 503'
        )
      }
    } else if (known && now - this.#lostAt >= STILL_AWAY_MS && board?.tellsOfReason(fields.reason) === true) {
      log.warn(fields, 'Redis is still not reachable, for another reason')
    }
    this.#probeLater()
  }

  #settled(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  #probeLater(): void {
    this.#stopTimer()
    this.#stopTimer = this.#deps.clock.after(this.#relapses.againMs, () => this.#probe())
  }

  /**
   * Checks Redis when it has not been used for a while, so that no request has to find out that it hangs; when a
   * command has failed; and when another thread reports it as away while this one has only read.
   */
  #lookLater(): void {
    this.#stopTimer()
    this.#stopTimer = this.#deps.clock.after(LOOKS_AFTER_MS, () => {
      const doubt = this.#failing || this.#deps.board?.away === true
      if (!doubt && this.#deps.clock.now() - this.#answeredAt < LOOKS_AFTER_MS) this.#lookLater()
      else this.#probe()
    })
  }

  #probe(): void {
    if (this.#closed) return
    const { thread } = this.#deps
    const command: Command<unknown> = (connection, prefix) =>
      probe(connection, `${prefix}probe:${thread}`, this.#cluster)
    this.#failing = false
    this.#checking = true
    // During the start this thread is busy, and no request waits for Redis yet.
    const withinMs = this.#usable === undefined ? Math.max(LOOKS_AFTER_MS, this.timeoutMs) : this.timeoutMs
    const askedAt = this.#deps.clock.now()
    this.#run(command, withinMs).then(
      () => {
        this.#checking = false
        this.#found()
      },
      (error: unknown) => {
        this.#checking = false
        if (this.#usable === true && messageOf(error) === TIMED_OUT) {
          this.#failed(error, askedAt, withinMs)
          if (this.#usable && ++this.#lateChecks >= OPENS_AFTER) this.#lost(TIMED_OUT)
          if (this.#usable) return this.#hangs ? undefined : this.#lookLater()
        } else
          this.#lost(
            this.#fault.reason ?? messageOf(error),
            this.#fault.reason !== undefined || isReply(error)
          )
        reconnect(this.#connection)
      }
    )
  }

  #found(): void {
    if (this.#closed) return
    this.#failures = 0
    this.#lateChecks = 0
    this.#lookLater()
    if (this.#usable === true) return
    this.#usable = true
    this.#relapses.found(this.#answeredAt)
    this.#settled()
    this.#up.set(1)
    const { board, thread, log } = this.#deps
    if (board?.found(thread, true) === true) log.info({ redis: this.#place }, 'Redis is reachable')
  }
}
