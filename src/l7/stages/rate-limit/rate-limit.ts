import type { Clock } from '../../../core/clock.ts'
import { durationText } from '../../../core/duration-text.ts'
import { flat } from '../../../core/flat.ts'
import type { Counter } from '../../../core/metrics/metrics.ts'
import type { Decision } from '../../../shared/rate-decision.ts'
import type { RateBuffers } from '../../../shared/rate-table.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { DryExchange } from '../../exchange/dry/dry-exchange.ts'
import { nameBits } from '../../message/header-block.ts'
import type { AuthInput } from '../auth/keys.ts'
import type { Refuse } from '../refuse.ts'
import type { Explanation, Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { GO_ON, WAITS, type Verdict } from '../verdict.ts'
import type { RateLimitInput } from './keys.ts'
import { stageMemoryId } from '../stage-memory.ts'
import { Limit } from './limit.ts'
import { RemoteLimit } from './remote-limit.ts'

const RATE_LIMIT = nameBits('RateLimit:\nRateLimit-Policy:\n')

/** Reused for all requests of this thread. */
const decision: Decision = { allowed: true, remaining: 0, retryMs: 0, fullMs: 0 }

/** Enforces all limits of the list; a request that one limit refuses is not counted by the others. */
class RateLimit implements Stage {
  readonly name = 'rate-limit'
  readonly done?: (exchange: Exchange) => void
  readonly #limits: readonly Limit[]
  readonly #allowed: Counter
  readonly #fallbacks: Counter
  /** Includes the end of the line before it. */
  readonly #policyLine: string
  /** The second one is for limits in shadow mode. */
  readonly #refusers: readonly [Refuse, Refuse]
  /** Of the time that a request may wait for Redis; the rest is left to questions that a request cannot do without. */
  readonly #share: number
  readonly #clock: Clock

  constructor(limits: readonly Limit[], context: StageContext, share: number) {
    this.#limits = limits
    this.#share = share
    this.#clock = context.engine.clock
    const labels = { listener: context.listener.name, route: context.route!.name }
    this.#refusers = [context.refuser(false), context.refuser(true)]
    this.#allowed = context.engine.metrics.counter('lb_rate_limit_allowed_total', labels)
    this.#fallbacks = context.engine.metrics.counter('lb_rate_limit_fallbacks_total', labels)
    const policies = limits.filter(({ tells }) => tells).map(({ policy }) => policy)
    this.#policyLine = flat(`\r\nRateLimit-Policy: ${policies.join(', ')}\r\n`)
    const charging = limits.filter((limit) => limit.chargesResponses)
    if (charging.length > 0) {
      this.done = (exchange) => {
        // A request refused here costs nothing more.
        if (exchange.errorCode === 'LB_RATE_LIMIT') return
        for (const limit of charging) limit.chargeResponse(exchange)
      }
    }
  }

  request(exchange: Exchange): Verdict {
    return this.#walk(exchange, 0, '', false)
  }

  /** `decided`: Redis has decided about the limit at `from`. */
  #walk(exchange: Exchange, from: number, before: string, decided: boolean): Verdict {
    const limits = this.#limits
    let told = before
    for (let i = from; i < limits.length; i++) {
      const limit = limits[i]!
      if (limit.remote === undefined) limit.take(exchange, decision)
      else if ((!decided || i > from) && this.#waits(exchange, limit, limit.remote, i, told)) return WAITS
      if (!decision.allowed) {
        const verdict = this.#refuse(exchange, limit)
        if (verdict === GO_ON) continue
        for (let j = 0; j < i; j++) limits[j]!.giveBack(exchange)
        return verdict
      }
      if (limit.tells) told = told === '' ? limit.item(decision) : `${told}, ${limit.item(decision)}`
    }
    this.#allowed.add()
    this.#tell(exchange, told)
    return GO_ON
  }

  /** True: Redis has been asked, and the walk continues with its decision. */
  #waits(exchange: Exchange, limit: Limit, remote: RemoteLimit, index: number, told: string): boolean {
    if (!remote.usable) {
      this.#fallBack(exchange, limit)
      return false
    }
    const key = limit.remoteKey(exchange)
    const cost = limit.costOf(exchange)
    if (remote.decide(key, cost, decision)) {
      if (decision.allowed) limit.charge(exchange, cost)
      return false
    }
    const withinMs = remote.timeoutMs * this.#share - exchange.sharedWaitMs
    if (withinMs > 0) {
      this.#ask(exchange, remote, key, index, told, withinMs)
      return true
    }
    // Redis counts it, though the request has no time left for what it says.
    this.#fallBack(exchange, limit)
    if (decision.allowed) remote.charge(key, cost)
    return false
  }

  #tell(exchange: Exchange, told: string): void {
    if (told !== '') exchange.addResponseLines(`RateLimit: ${told}${this.#policyLine}`, RATE_LIMIT)
  }

  explain(exchange: DryExchange): Explanation {
    const notes: string[] = []
    const told: string[] = []
    for (const limit of this.#limits) {
      limit.peek(exchange, decision)
      const where = limit.config.store === 'redis' ? ' (by this instance; Redis is not asked)' : ''
      notes.push(`rate limit "${limit.name}": ${limit.describe(exchange, decision)}${where}`)
      if (!decision.allowed) {
        const verdict = this.#refuse(exchange, limit)
        if (verdict !== GO_ON) return { verdict, notes }
      } else if (limit.tells) told.push(limit.item(decision))
    }
    this.#tell(exchange, told.join(', '))
    return { verdict: GO_ON, notes }
  }

  /** Waits for Redis, and continues at the same limit with its decision. */
  #ask(
    exchange: Exchange,
    remote: RemoteLimit,
    key: string,
    index: number,
    told: string,
    withinMs: number
  ): void {
    const limit = this.#limits[index]!
    const since = this.#clock.now()
    const goOn = (): Verdict => {
      exchange.sharedWaitMs += Math.ceil(this.#clock.now() - since)
      return this.#walk(exchange, index, told, true)
    }
    const alone = (): Verdict => {
      this.#fallBack(exchange, limit)
      return goOn()
    }
    // Redis keeps its own timeout; this deadline is for the case that it does not, or that another request, which has more
    // time, has asked for the same portion.
    const wait = exchange.wait(2 * withinMs, alone)
    wait.onCancel = remote.ask(key, limit.costOf(exchange), withinMs, (found) =>
      wait.resume(() => {
        if (found === undefined) return alone()
        Object.assign(decision, found)
        // Counted here too, as a basis for when Redis is not available.
        if (found.allowed) limit.charge(exchange, limit.costOf(exchange))
        return goOn()
      })
    )
  }

  #fallBack(exchange: Exchange, limit: Limit): void {
    this.#fallbacks.add()
    limit.take(exchange, decision)
    const { onError } = limit.config
    if (onError === 'local') return
    decision.allowed = onError === 'allow'
    if (onError === 'deny') decision.retryMs = Math.max(1000, decision.retryMs)
  }

  #refuse(exchange: Exchange, limit: Limit): Verdict {
    const seconds = Math.max(1, Math.ceil(decision.retryMs / 1000))
    const told = limit.tells ? `RateLimit: "${limit.name}";r=0;t=${seconds}${this.#policyLine}` : ''
    return this.#refusers[limit.config.shadow ? 1 : 0](exchange, {
      code: 'LB_RATE_LIMIT',
      reason: `rate limit "${limit.name}": ${limit.config.requests} per ${durationText(limit.config.per)} by ${limit.config.key.map(({ kind }) => kind).join(' + ')}`,
      fields: `Retry-After: ${seconds}\r\n${told}`,
      members: { limit: limit.name, retryAfter: seconds }
    })
  }
}

/** The limits that do not count by identity; they come before auth. */
export function compile(keys: readonly RateLimitInput[], context: StageContext): Stage | undefined {
  return compileLimits(keys, context, false)
}

/** The limits that count by identity, or those that do not; the place in the list decides a limit's name and memory. */
export function compileLimits(
  keys: readonly RateLimitInput[],
  context: StageContext,
  byIdentity: boolean
): Stage | undefined {
  if (context.route === undefined) return undefined
  const buffers = context.memory as readonly RateBuffers[]
  const { clock } = context.engine
  // Identified by the names of listener and route, so that instances count together.
  const id = stageMemoryId(context.listener, context.route, 'rateLimit').replaceAll('\n', '/')
  const labels = { listener: context.listener.name, route: context.route.name }
  const untracked = context.engine.metrics.counter('lb_rate_limit_untracked_total', labels)
  const limits = [...keys.entries()]
    .filter(([, { key }]) => key.some(({ kind }) => kind === 'identity') === byIdentity)
    .map(
      ([index, config]) =>
        new Limit(
          config,
          index,
          buffers[index]!,
          clock,
          () => untracked.add(),
          (limit, rule) => {
            const rates = config.store === 'redis' && !context.engine.dry ? context.remoteRates() : undefined
            return rates && new RemoteLimit(rates, rule, config, `${id}:${limit}`, clock)
          }
        )
    )
  if (limits.length === 0) return undefined
  return new RateLimit(limits, context, !byIdentity && asksForSession(context) ? 0.5 : 1)
}

/** Without an answer in time, a session in Redis is 503; a limit has `onError`. So the session is left at least half. */
function asksForSession({ route, listener }: StageContext): boolean {
  const auth = (route ?? listener).stages['auth'] as AuthInput | undefined
  return auth?.methods.some(({ oidc }) => oidc?.store === 'redis') === true
}
