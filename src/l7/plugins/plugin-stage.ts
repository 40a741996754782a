import { guarded } from '../../core/containment.ts'
import type { Counter } from '../../core/metrics/metrics.ts'
import type { Exchange } from '../exchange/exchange.ts'
import type { Stage } from '../stages/stage.ts'
import type { StageContext } from '../stages/stage-context.ts'
import { checkField, checkLines } from './checked-line.ts'
import type { Plugin, PluginContext, PluginHooks } from './plugin.ts'
import { pluginLog } from './plugin-log.ts'
import { isPromise, PluginRequest } from './plugin-request.ts'
import { PluginWatch } from './plugin-watch.ts'
import { WatchedTransform } from './watched-transform.ts'

/** Words that one plugin may count by; those beyond are one. */
const MAX_EVENTS = 50

export interface PluginLimits {
  readonly budgetMs: number
  readonly timeoutMs: number
}

/** A plugin as a stage of one route. What it throws ends one exchange; what takes long is told. */
export function compilePlugin(
  plugin: Plugin<unknown>,
  limits: PluginLimits,
  keys: unknown,
  context: StageContext
): Stage | undefined {
  const { engine } = context
  const watch = new PluginWatch(plugin.name, limits.budgetMs, engine)
  const own = contextOf(plugin.name, keys, context)
  const hooks = plugin.compile === undefined ? plugin : made(plugin, own)
  if (hooks === undefined) return undefined
  const asked = new PluginRequest(hooks, own, watch, limits.timeoutMs)
  const { forward, response, body, done, owns } = hooks
  return {
    name: plugin.name,
    ...(owns !== undefined && { owns }),
    ...(hooks.request !== undefined && { request: (exchange) => asked.request(exchange) }),
    ...((hooks.request ?? hooks.explain) !== undefined && { explain: (exchange) => asked.explain(exchange) }),
    ...(forward !== undefined && {
      forward(exchange, head) {
        edit(watch, exchange, 'forward', head, () => forward.call(hooks, exchange, head, own))
      }
    }),
    ...(response !== undefined && {
      response(exchange, head) {
        edit(watch, exchange, 'response', head, () => response.call(hooks, exchange, head, own))
      }
    }),
    ...(body !== undefined && {
      body(exchange, head, output) {
        const transform = call(watch, exchange, 'body', () => body.call(hooks, exchange, head, output, own))
        if (isPromise(transform))
          throw watch.failed(
            exchange,
            'body',
            new TypeError('it returned a promise, which no body can wait for')
          )
        return transform && new WatchedTransform(transform, watch, exchange)
      }
    }),
    ...(done !== undefined && {
      done(exchange, durationMs) {
        call(watch, exchange, 'done', () => done.call(hooks, exchange, durationMs, own))
      }
    })
  }
}

function made(plugin: Plugin<unknown>, own: PluginContext<unknown>): PluginHooks<unknown> | undefined {
  try {
    return plugin.compile!(own)
  } catch (error) {
    const where = own.route === undefined ? `listener ${own.listener}` : `route ${own.route}`
    throw new Error(
      `the plugin ${plugin.name} cannot be made ready for ${where}: ${(error as Error).message}`,
      {
        cause: error
      }
    )
  }
}

function contextOf(name: string, keys: unknown, context: StageContext): PluginContext<unknown> {
  const { engine, listener, route, thread, refuse } = context
  const counters = new Map<string, Counter>()
  return {
    keys,
    listener: listener.name,
    route: route?.name,
    thread,
    log: pluginLog(engine.log, name),
    refuse: (exchange, refusal) => refuse(exchange as Exchange, refusal),
    pool: (pool) => context.target(pool),
    counter(event) {
      const known = counters.get(event)
      if (known !== undefined) return known
      if (!/^[\w-]{1,64}$/.test(event)) throw new TypeError(`${JSON.stringify(event)} is no word to count by`)
      const word = counters.size < MAX_EVENTS ? event : 'other'
      const counter = engine.metrics.counter('lb_plugin_events_total', { plugin: name, event: word })
      if (word === event) counters.set(event, counter)
      return counter
    }
  }
}

function call<T>(watch: PluginWatch, exchange: Exchange, hook: string, act: () => T): T {
  const began = performance.now()
  try {
    const said = act()
    // Nobody waits for a promise of theirs; one that is rejected is the plugin's fault, and counted as such.
    if (isPromise(said))
      said.then(undefined, (error: unknown) => {
        guarded(() => {
          throw watch.failed(undefined, hook, error)
        })
      })
    return said
  } catch (error) {
    throw watch.failed(exchange, hook, error)
  } finally {
    watch.took(exchange, hook, began)
  }
}

/** A hook that edits fields: what it makes of them is held to be fields. */
function edit(
  watch: PluginWatch,
  exchange: Exchange,
  hook: string,
  { headers }: Pick<Parameters<NonNullable<Stage['forward']>>[1], 'headers'>,
  act: () => void
): void {
  const before = headers.text
  headers.check = checkField
  try {
    call(watch, exchange, hook, () => {
      act()
      if (headers.text !== before) checkLines(headers.text)
    })
  } finally {
    headers.check = undefined
  }
}
