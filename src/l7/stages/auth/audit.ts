import type { Counter } from '../../../core/metrics/metrics.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { StageContext } from '../stage-context.ts'
import type { AuthMethod, Proven } from './auth-method.ts'

export type Outcome = 'allowed' | 'refused' | 'missing' | 'throttled' | 'unavailable' | 'login'

/** Counts decisions and writes the configured lines: who, by which method, from where; never a credential. */
export class Audit {
  readonly #context: StageContext
  readonly #level: 'refused' | 'all' | 'off'
  /** By outcome, then by method, so that no key string is built per request. */
  readonly #counters = new Map<Outcome, Map<string, Counter>>()
  readonly #methods: readonly AuthMethod[]
  /** Of what each method has allowed, from its first time on. */
  readonly #allowed: (Counter | undefined)[]

  constructor(methods: readonly AuthMethod[], context: StageContext, level: 'refused' | 'all' | 'off') {
    this.#methods = methods
    this.#allowed = methods.map(() => undefined)
    this.#context = context
    this.#level = level
  }

  /** Of the identity nothing is read unless it is for a line: among many keys it is not in the processor's cache. */
  allowed(exchange: Exchange, method: number, { identity }: Proven): void {
    const { name: auth } = this.#methods[method]!
    ;(this.#allowed[method] ??= this.#counter(auth, 'allowed')).add()
    exchange.addLogField('auth', auth)
    if (this.#level === 'all') this.#write(exchange, { auth, user: identity.name }, 'access allowed')
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
    this.#counter(method, outcome).add()
  }

  #counter(method: string, outcome: Outcome): Counter {
    return this.#counters.get(outcome)?.get(method) ?? this.#newCounter(method, outcome)
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
