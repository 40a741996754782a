import { guarded } from '../../core/containment.ts'
import type { DryExchange } from '../exchange/dry/dry-exchange.ts'
import type { Exchange } from '../exchange/exchange.ts'
import type { Explanation } from '../stages/explanation.ts'
import { ANSWERED, GO_ON, WAITS, type Verdict } from '../stages/verdict.ts'
import { ExchangeWrites } from './exchange-writes.ts'
import type { PluginContext, PluginHooks } from './plugin.ts'
import { PluginRequestBody } from './plugin-request-body.ts'
import type { PluginWatch } from './plugin-watch.ts'
import { isPromise, unawaited } from './promised.ts'

/** A plugin's `request`: whatever it returns or throws, its exchange goes on or ends. */
export class PluginRequest {
  readonly #hooks: PluginHooks<unknown>
  readonly #context: PluginContext<unknown>
  readonly #watch: PluginWatch
  readonly #timeoutMs: number
  readonly #body: PluginRequestBody | undefined

  constructor(
    hooks: PluginHooks<unknown>,
    context: PluginContext<unknown>,
    watch: PluginWatch,
    timeoutMs: number
  ) {
    this.#hooks = hooks
    this.#context = context
    this.#watch = watch
    this.#timeoutMs = timeoutMs
    if (hooks.requestBody !== undefined) this.#body = new PluginRequestBody(hooks, context, watch)
  }

  request(exchange: Exchange): Verdict {
    if (this.#hooks.request === undefined) return this.#goOn(exchange)
    const waitBefore = exchange.lastWait
    const writes = new ExchangeWrites(exchange)
    const began = performance.now()
    let verdict: Verdict
    try {
      const said: unknown = this.#hooks.request(exchange, this.#context)
      if (isPromise(said)) return this.#await(exchange, said, writes)
      verdict = this.#judge(exchange, said, writes, exchange.lastWait !== waitBefore)
    } catch (error) {
      throw this.#watch.failed(exchange, 'request', error)
    } finally {
      this.#watch.took(exchange, 'request', began)
    }
    // Timed by itself.
    return verdict === GO_ON ? this.#goOn(exchange) : verdict
  }

  /** `lb explain` and tests in the file: a fault is told there, and what would be waited for is not. */
  explain(exchange: DryExchange): Explanation {
    try {
      if (this.#hooks.explain !== undefined) {
        const said: unknown = this.#hooks.explain(exchange, this.#context)
        if (isPromise(said)) throw unawaited(said)
        return this.#explained(exchange, said as Explanation)
      }
      const writes = new ExchangeWrites(exchange)
      const said: unknown = this.#hooks.request?.(exchange, this.#context)
      if (!isPromise(said) && said !== WAITS)
        return this.#explained(exchange, { verdict: this.#judge(exchange, said, writes, false) })
      if (isPromise(said)) said.then(undefined, () => {})
      const notes = ['waits for something, and is taken to go on']
      return this.#explained(exchange, { verdict: GO_ON, notes })
    } catch (error) {
      exchange.fail('LB_INTERNAL', this.#watch.failed(exchange, 'request', error).message)
      return { verdict: ANSWERED }
    }
  }

  #explained(exchange: DryExchange, explanation: Explanation): Explanation {
    if (explanation.verdict !== GO_ON || this.#body === undefined) return explanation
    const changes = this.#body.apply(exchange)
    if (exchange.headSent || exchange.ended) return { ...explanation, verdict: ANSWERED }
    if (!changes) return explanation
    return { ...explanation, notes: [...(explanation.notes ?? []), 'the body is changed'] }
  }

  /** The hook for the body may answer too. */
  #goOn(exchange: Exchange): Verdict {
    this.#body?.apply(exchange)
    return exchange.headSent || exchange.ended ? ANSWERED : GO_ON
  }

  #await(exchange: Exchange, said: PromiseLike<unknown>, writes: ExchangeWrites): Verdict {
    let timedOut = false
    const wait = exchange.wait(this.#timeoutMs, () => {
      timedOut = true
      throw new Error(`its promise is not settled after ${this.#timeoutMs} ms`)
    })
    wait.judge = (decide) => {
      try {
        return decide()
      } catch (error) {
        throw this.#watch.failed(exchange, 'request', error)
      }
    }
    const settled = (decide: () => Verdict): void => {
      // It may have ended the exchange before: what it wrote has nobody else to send it.
      if (wait.over) return guarded(() => void exchange.downstream.flush())
      wait.resume(decide)
    }
    said.then(
      (verdict) => settled(() => this.#verdict(exchange, verdict, writes, false)),
      (error: unknown) => {
        const late = wait.over && !timedOut
        settled(() => {
          throw error
        })
        // The exchange has ended, by an answer or with its client: nobody else would hear of it.
        if (late)
          guarded(() => {
            throw this.#watch.failed(undefined, 'request', error)
          })
      }
    )
    return WAITS
  }

  #verdict(exchange: Exchange, said: unknown, writes: ExchangeWrites, waits: boolean): Verdict {
    const verdict = this.#judge(exchange, said, writes, waits)
    return verdict === GO_ON ? this.#goOn(exchange) : verdict
  }

  /** Throws where the exchange could neither go on nor end by it. */
  #judge(exchange: Exchange, said: unknown, writes: ExchangeWrites, waits: boolean): Verdict {
    writes.check()
    const answered = exchange.headSent || exchange.ended
    switch (said) {
      case undefined:
      case GO_ON:
        return answered ? ANSWERED : GO_ON
      case ANSWERED:
        if (!answered) throw new Error('it returned ANSWERED and has not answered')
        return ANSWERED
      case WAITS:
        if (!waits) throw new Error('it returned WAITS and has not called exchange.wait')
        exchange.lastWait!.judge = (decide) => this.#decided(exchange, decide, writes)
        return WAITS
      default:
        if (isPromise(said)) throw unawaited(said)
        throw new Error(`it returned ${String(said)}, which is no verdict`)
    }
  }

  /** What a wait of the hook's own is over with. */
  #decided(exchange: Exchange, decide: () => unknown, writes: ExchangeWrites): Verdict {
    const wait = exchange.lastWait
    try {
      const said = decide()
      return this.#verdict(exchange, said, writes, exchange.lastWait !== wait)
    } catch (error) {
      throw this.#watch.failed(exchange, 'request', error)
    }
  }
}
