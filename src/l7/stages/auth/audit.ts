import type { Counter } from '../../../core/metrics/metrics.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { Identity } from '../../exchange/stage-run.ts'
import type { StageContext } from '../stage-context.ts'

export type Outcome = 'allowed' | 'refused' | 'missing' | 'throttled' | 'unavailable' | 'login'

/** Counts decisions and writes the configured lines: who, by which method, from where; never a credential. */
export class Audit {
  readonly #context: StageContext
  readonly #level: 'refused' | 'all' | 'off'
  /** By outcome, then by method, so that no key string is built per request. */
  readonly #counters = new Map<Outcome, Map<string, Counter>>()

  constructor(context: StageContext, level: 'refused' | 'all' | 'off') {
    this.#context = context
    this.#level = level
  }

  allowed(exchange: Exchange, { by, name }: Identity): void {
    this.count(by, 'allowed')
    exchange.addLogField('auth', by)
    if (this.#level === 'all') this.#write(exchange, { auth: by, user: name }, 'access allowed')
  }

  refused(exchange: Exchange, method: string, outcome: Outcome, reason: string): void {
    if (exchange.dry) return
    this.count(method, outcome)
    // A request without a credential is normal and gets no line; guesses, and the measures against them, get one.
    if (
      this.#level === 'all' ||
      (this.#level === 'refused' && outcome !== 'missing' && outcome !== 'login')
    ) {
      this.#write(exchange, { auth: method, outcome, reason }, 'access refused')
    }
  }

  count(method: string, outcome: Outcome): void {
    const counter = this.#counters.get(outcome)?.get(method) ?? this.#newCounter(method, outcome)
    counter.add()
  }

  #newCounter(method: string, outcome: Outcome): Counter {
    const { engine, listener, route } = this.#context
    const labels = { listener: listener.name, route: route?.name ?? '', method, outcome }
    const counter = engine.metrics.counter('lb_auth_total', labels)
    const ofOutcome = this.#counters.get(outcome) ?? new Map<string, Counter>()
    this.#counters.set(outcome, ofOutcome.set(method, counter))
    return counter
  }

  #write(exchange: Exchange, facts: object, message: string): void {
    const { engine, listener, route } = this.#context
    const { clientIp: client, requestId, host, path } = exchange
    // The path without its query, in which credentials may stand.
    const what = { method: exchange.request.method, host, path: path.slice(0, 512) }
    const fields = { listener: listener.name, route: route?.name, client, requestId, ...what, ...facts }
    engine.log.info(fields, message)
  }
}
