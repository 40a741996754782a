import type { Counter } from '../../core/metrics/metrics.ts'
import type { Exchange } from '../exchange/exchange.ts'
import type { Stage } from '../stages/stage.ts'
import type { StageContext } from '../stages/stage-context.ts'
import type { BodyOutput, BodyTransform } from '../exchange/body-chain.ts'
import type { ForwardHead } from '../exchange/forward-head.ts'
import type { ResponseHead } from '../exchange/response/response-head.ts'
import { NO_BODY, UNKNOWN_LENGTH } from '../message/body-length.ts'
import { checkAsked, checkRequestFields, OWN_HOST } from './exchange-writes.ts'
import { editBody, editFields, editHead } from './head-writes.ts'
import { madeHooks, PluginRefusal } from './made-hooks.ts'
import type { Plugin, PluginContext } from './plugin.ts'
import { pluginLog } from './plugin-log.ts'
import { PluginRequest } from './plugin-request.ts'
import { PluginWatch } from './plugin-watch.ts'
import { isPromise, unawaited } from './promised.ts'
import { checkRefusal } from './checked-refusal.ts'
import { WatchedOutput } from './watched-output.ts'
import { checkTransform, WatchedTransform } from './watched-transform.ts'

/** Words that one plugin may count by; those beyond are one. */
const MAX_EVENTS = 50

export interface PluginLimits {
  readonly budgetMs: number
  readonly timeoutMs: number
  /** It is asked before the request's body is copied or held. */
  readonly mayChangeBody: boolean
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
  const hooks = plugin.compile === undefined ? plugin : madeHooks(plugin, own)
  if (hooks === undefined) return undefined
  const { request, requestBody, forward, response, body, done, owns } = hooks
  if (requestBody !== undefined && !limits.mayChangeBody) throw new PluginRefusal(tooLate(plugin))
  const asked = new PluginRequest(hooks, own, watch, limits.timeoutMs)
  const asks = request !== undefined || requestBody !== undefined
  return {
    name: plugin.name,
    ...(owns !== undefined && { owns }),
    ...(asks && { request: (exchange) => asked.request(exchange) }),
    ...((asks || hooks.explain !== undefined) && { explain: (exchange) => asked.explain(exchange) }),
    ...((asks || forward !== undefined) && {
      forward(exchange, head) {
        call(watch, exchange, 'forward', () => {
          checkAsked(head.target)
          checkRequestFields(exchange, 0)
          if (forward !== undefined) editForward(head, () => forward.call(hooks, exchange, head, own))
        })
      }
    }),
    ...((response ?? body) !== undefined && {
      response(exchange, head) {
        if (body !== undefined && !head.asItIs) head.mayTransform = true
        if (response !== undefined) {
          call(watch, exchange, 'response', () =>
            editHead(exchange, head, () => unpromised(response.call(hooks, exchange, head, own)))
          )
        }
        // RFC 9110 §9.3.2, §8.6: the fields of a GET, and its length or none; no body follows that would ask for it.
        if (body === undefined || exchange.request.method !== 'HEAD' || head.length <= 0) return
        call(watch, exchange, 'body', () => {
          transformOf(head, () => body.call(hooks, exchange, head, new WatchedOutput(NOWHERE), own))
          if (head.length === UNKNOWN_LENGTH) head.length = NO_BODY
        })
      }
    }),
    ...(body !== undefined && {
      body(exchange, head, output) {
        return call(watch, exchange, 'body', () => {
          const watched = new WatchedOutput(output)
          const transform = transformOf(head, () => body.call(hooks, exchange, head, watched, own))
          return transform && new WatchedTransform(transform, watch, exchange)
        })
      }
    }),
    ...(done !== undefined && {
      done(exchange, durationMs) {
        call(watch, exchange, 'done', () => unpromised(done.call(hooks, exchange, durationMs, own)))
      }
    })
  }
}

/** Where the transform of a HEAD puts out what it should not. */
const NOWHERE: BodyOutput = {
  write: () => true,
  whole: () => true,
  begin() {},
  ready() {},
  end() {},
  fail() {}
}

function transformOf(head: ResponseHead, act: () => unknown): BodyTransform | undefined {
  const transform = editBody(head, () => {
    const made = act()
    if (isPromise(made)) throw unawaited(made)
    return made
  })
  return checkTransform(transform)
}

function tooLate({ name, before, after }: Plugin<unknown>): string {
  return `the plugin ${name} has the hook "requestBody" and stands ${before === undefined ? `after "${after}"` : `before "${before}"`}, where the body may have been copied or held already: it belongs before "mirror", say after "request-edits"`
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
    refuse(exchange, refusal) {
      checkRefusal(refusal)
      return refuse(exchange as Exchange, refusal)
    },
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

/** Host is no field of this head, but where the route's edits have written one. */
function editForward(head: ForwardHead, act: () => unknown): void {
  const { headers } = head
  const written = headers.has('host')
  editFields(headers, () => unpromised(act()))
  if (headers.has('host') && !written) throw new TypeError(OWN_HOST)
}

function unpromised(said: unknown): void {
  if (isPromise(said)) throw unawaited(said)
}

function call<T>(watch: PluginWatch, exchange: Exchange, hook: string, act: () => T): T {
  const began = performance.now()
  try {
    return act()
  } catch (error) {
    throw watch.failed(exchange, hook, error)
  } finally {
    watch.took(exchange, hook, began)
  }
}
