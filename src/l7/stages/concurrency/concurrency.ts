import { contain } from '../../../core/containment.ts'
import type { Counter } from '../../../core/metrics/metrics.ts'
import { ConcurrencyTable, NO_ROOM, NOT_COUNTED, type Waiting } from '../../../shared/concurrency-table.ts'
import { KeyHash } from '../../../shared/key-hash.ts'
import type { DryExchange } from '../../exchange/dry/dry-exchange.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { Wait } from '../../exchange/wait.ts'
import { hashLimitKey, limitKeyValue } from '../limit-key/hash-limit-key.ts'
import { limitKeyText } from '../limit-key/limit-key.ts'
import type { Explanation, Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { GO_ON, WAITS, type Verdict } from '../verdict.ts'
import { AdaptiveLimit, kindOf } from './adaptive-limit.ts'
import type { ConcurrencyInput } from './keys.ts'
import type { ConcurrencyMemory } from './memory.ts'
import { HIGH, priorityOf, shareOf } from './priority.ts'

/** Reused for all requests of this thread. */
const hash = new KeyHash()
const WORDS = ['high', 'normal', 'low']

/** Limits how many requests of a key are under way at once; others wait in a queue or are refused. */
class Concurrency implements Stage {
  readonly name = 'concurrency'
  readonly #config: ConcurrencyInput
  readonly #context: StageContext
  readonly #table: ConcurrencyTable
  readonly #adaptive: AdaptiveLimit | undefined
  readonly #allowed: Counter
  readonly #queued: Counter
  readonly #untracked: Counter
  readonly #mostOf = (priority: number): number => this.#most(priority)

  constructor(config: ConcurrencyInput, context: StageContext, memory: ConcurrencyMemory) {
    this.#config = config
    this.#context = context
    this.#table = new ConcurrencyTable(memory.table, context.thread)
    const { adaptive, max } = config
    if (adaptive !== false) {
      const { min, tolerance } = adaptive === true ? { min: 4, tolerance: 200 } : adaptive
      this.#adaptive = new AdaptiveLimit(memory.adaptive, { min, max, tolerance: tolerance / 100 })
    }
    const labels = { listener: context.listener.name, route: context.route!.name }
    this.#allowed = context.engine.metrics.counter('lb_concurrency_allowed_total', labels)
    this.#untracked = context.engine.metrics.counter('lb_concurrency_untracked_total', labels)
    this.#queued = context.engine.metrics.counter('lb_concurrency_queued_total', labels)
  }

  request(exchange: Exchange): Verdict {
    const priority = priorityOf(exchange, this.#config.priority)
    this.#key(exchange)
    const place = this.#table.take(hash.low, hash.high, this.#most(priority), priority)
    if (place === NO_ROOM) return this.#waitOrRefuse(exchange, priority)
    if (place === NOT_COUNTED) this.#untracked.add()
    exchange.concurrencyPlace = place
    this.#allowed.add()
    return GO_ON
  }

  done(exchange: Exchange): void {
    const place = exchange.concurrencyPlace
    if (place === NOT_COUNTED) return
    exchange.concurrencyPlace = NOT_COUNTED
    const underWay = this.#table.count(place)
    this.#table.give(place)
    const latencyMs = latencyOf(exchange)
    if (latencyMs >= 0 && this.#adaptive !== undefined) {
      const kind = kindOf(exchange.request.method, exchange.path)
      this.#adaptive.add(kind, latencyMs, underWay, this.#context.engine.clock.now())
    }
    this.#callNext(place)
  }

  explain(exchange: DryExchange): Explanation {
    const { key, queue } = this.#config
    const priority = priorityOf(exchange, this.#config.priority)
    this.#key(exchange)
    // Takes a place and gives it back at once, so that no real request is affected.
    const place = this.#table.take(hash.low, hash.high, this.#most(priority), priority)
    const who = [limitKeyText(key), ...key.map((each) => limitKeyValue(exchange, each) ?? exchange.clientIp)]
    const found = this.#adaptive
    const bestMs = Math.round(found?.floorMs(kindOf(exchange.request.method, exchange.path)) ?? 0)
    const by =
      found === undefined
        ? ''
        : `, adaptive: ${found.limit(this.#context.engine.clock.now())} by a best latency of ${bestMs} ms`
    const what = `concurrency ${who.filter((text) => text !== '').join(' ')}, priority ${WORDS[priority]}${by}`
    if (place >= 0) {
      this.#table.give(place)
      this.#callNext(place)
    }
    if (place === NO_ROOM) {
      const notes = [`${what}: all ${this.#most(priority)} places are taken`]
      if (queue.max > 0)
        return { verdict: GO_ON, notes: [...notes, `it would wait up to ${queue.timeout} ms`] }
      return { verdict: this.#refuse(exchange, 'no place'), notes }
    }
    const used = place >= 0 ? this.#table.count(place) : 0
    return { verdict: GO_ON, notes: [`${what}: ${used} of ${this.#most(priority)} places are taken`] }
  }

  #most(priority: number): number {
    const most = this.#adaptive?.limit(this.#context.engine.clock.now()) ?? this.#config.max
    return priority === HIGH ? most : Math.max(1, Math.floor(most * shareOf(priority)))
  }

  #waitOrRefuse(exchange: Exchange, priority: number): Verdict {
    const { shadow, queue } = this.#config
    const { max, timeout } = queue
    if (max === 0) return this.#refuse(exchange, 'all places are taken')
    // In shadow mode no request waits.
    if (shadow) return this.#refuse(exchange, 'all places are taken; it would wait, or be refused')
    const most = this.#most(priority)
    const waiting = this.#table.enqueue(hash.low, hash.high, most, priority, max, timeout)
    if (typeof waiting === 'number') {
      if (waiting < 0) return this.#refuse(exchange, 'all places are taken, and queue.max wait')
      exchange.concurrencyPlace = waiting
      this.#allowed.add()
      return GO_ON
    }
    this.#queued.add()
    const wait = exchange.wait(timeout, () => this.#refuse(exchange, 'queue.timeout passed'))
    wait.onCancel = () => this.#table.leave(waiting.place, priority)
    // A place may be free while only those wait who cannot come: a thread that stands still counts its waiters until it is dead.
    this.#callNext(waiting.place)
    this.#watch(exchange, wait, waiting, priority).catch((error: unknown) => contain(error, exchange))
    return WAITS
  }

  async #watch(exchange: Exchange, wait: Wait, waiting: Waiting, priority: number): Promise<void> {
    const { place } = waiting
    const { timeout } = this.#config.queue
    let { called } = waiting
    for (;;) {
      let kept = await called
      try {
        if (wait.over) return
        const again = this.#table.takeOrWait(place, this.#most(priority), priority, kept, timeout)
        kept = false
        if (again !== undefined) {
          called = again
          continue
        }
        exchange.concurrencyPlace = place
        wait.onCancel = undefined
        wait.resume(() => {
          this.#allowed.add()
          return GO_ON
        })
        return
      } finally {
        if (kept) this.#table.decline(place)
        // Who has left passes its call on; and more places than the one given back may be free, since the limit may have grown.
        this.#callNext(place)
      }
    }
  }

  #callNext(place: number): void {
    this.#table.call(place, this.#mostOf)
  }

  #refuse(exchange: Exchange, reason: string): Verdict {
    return this.#context.refuse(exchange, {
      code: 'LB_CONCURRENCY',
      reason: `concurrency by ${limitKeyText(this.#config.key)}: ${reason}`,
      fields: 'Retry-After: 1\r\n',
      members: { retryAfter: 1 }
    })
  }

  #key(exchange: Exchange): void {
    hash.begin(this.#table.buffers.seed)
    hashLimitKey(exchange, this.#config.key, hash)
  }
}

/**
 * Time that the backend took, including the wait in its pool; -1 when no backend answered, or for an error (a 404, a 429 that
 * tells of load), which comes quickly. Waiting for a place here and the client's pace are not part of it, and cache hits would make all other
 * responses look slow.
 */
function latencyOf({ times, status, errorCode }: Exchange): number {
  if (times === undefined || times.latencyMs < 0 || status >= 400 || errorCode !== undefined) return -1
  return times.latencyMs + times.queueMs
}

export function compile(config: ConcurrencyInput, context: StageContext): Stage | undefined {
  if (context.route === undefined) return undefined
  return new Concurrency(config, context, context.memory as ConcurrencyMemory)
}
