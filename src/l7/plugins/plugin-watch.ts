import { messageOf } from '../../core/errors.ts'
import { LogThrottle } from '../../core/log/log-throttle.ts'
import type { Counter } from '../../core/metrics/metrics.ts'
import type { EngineContext } from '../exchange/engine-context.ts'
import type { Exchange } from '../exchange/exchange.ts'

/** What a plugin threw, with its name. */
class PluginError extends Error {
  override readonly name = 'PluginError'

  constructor(plugin: string, hook: string, cause: unknown) {
    const reason = messageOf(cause)
    super(`plugin ${plugin}, ${hook}: ${reason}`, { cause })
    // Whoever reads the log looks for the line in the plugin.
    if (cause instanceof Error && cause.stack !== undefined)
      this.stack = `${this.message}\n${framesOf(cause.stack)}`
  }
}

function framesOf(stack: string): string {
  return stack.slice(Math.max(0, stack.search(/^\s+at /m))).replaceAll(/\?lb=[0-9a-f]+/g, '')
}

/** Counts and times the hooks of one plugin on one route. */
export class PluginWatch {
  readonly #name: string
  readonly #budgetMs: number
  readonly #context: EngineContext
  readonly #errors: Counter
  readonly #slow: Counter
  readonly #seconds: Counter
  readonly #throttle: LogThrottle

  constructor(name: string, budgetMs: number, context: EngineContext) {
    const { metrics, log, clock, deadlines } = context
    this.#name = name
    this.#budgetMs = budgetMs
    this.#context = context
    this.#errors = metrics.counter('lb_plugin_errors_total', { plugin: name })
    this.#slow = metrics.counter('lb_plugin_slow_total', { plugin: name })
    this.#seconds = metrics.counter('lb_plugin_seconds_total', { plugin: name })
    this.#throttle = new LogThrottle(log, clock, deadlines)
  }

  /** What is thrown in place of what the plugin threw. */
  failed(exchange: Exchange | undefined, hook: string, error: unknown): Error {
    if (error instanceof PluginError) return error
    this.#errors.add()
    exchange?.addLogField('plugin', this.#name)
    return new PluginError(this.#name, hook, error)
  }

  /** `began`: performance.now() before the call. */
  took(exchange: Exchange | undefined, hook: string, began: number): void {
    const ms = performance.now() - began
    this.#seconds.add(ms / 1e3)
    if (ms <= this.#budgetMs) return
    this.#slow.add()
    const common = { plugin: this.#name, hook }
    if (!this.#throttle.allows(hook, 'warn', common)) return
    const { requestId, route } = exchange ?? {}
    this.#context.log.warn(
      { ...common, ms: Math.round(ms), budgetMs: this.#budgetMs, route: route?.name, requestId },
      `plugin ${this.#name} took ${Math.round(ms)} ms in ${hook}; nothing else runs on this thread meanwhile`
    )
  }
}
