import { whyNotOwned } from '../../config/model/framing-fields.ts'
import { messageOf } from '../../core/errors.ts'
import type { Plugin, PluginContext, PluginHooks } from './plugin.ts'
import { isPromise } from './promised.ts'

const HOOKS: readonly string[] = ['request', 'requestBody', 'forward', 'response', 'body', 'done', 'explain']

/** A plugin that a route cannot have: the configuration with it is refused. */
export class PluginRefusal extends Error {
  override readonly name = 'PluginRefusal'
  readonly code = 'LB_CONFIG'
}

/** What `compile` of a plugin returns for a route, checked as the plugin itself is when it is read. */
export function madeHooks(
  plugin: Plugin<unknown>,
  own: PluginContext<unknown>
): PluginHooks<unknown> | undefined {
  try {
    const made: unknown = plugin.compile!(own)
    if (made === undefined) return undefined
    const why = whyNoHooks(made)
    if (why !== undefined) throw new TypeError(why)
    return made as PluginHooks<unknown>
  } catch (error) {
    const where = own.route === undefined ? `listener ${own.listener}` : `route ${own.route}`
    throw new PluginRefusal(
      `the plugin ${plugin.name} cannot be made ready for ${where}: compile: ${messageOf(error)}`,
      { cause: error }
    )
  }
}

function whyNoHooks(made: unknown): string | undefined {
  if (isPromise(made)) {
    made.then(undefined, () => {})
    return 'it returned a promise (is it async?); it must return the hooks at once, and the module itself may await at its top'
  }
  if (typeof made !== 'object' || made === null)
    return `it returned ${typeof made === 'function' ? 'a function' : String(made)}; it must return hooks, or undefined where there is nothing to do`
  const hooks = made as Readonly<Record<string, unknown>>
  for (const [key, value] of Object.entries(hooks)) {
    if (typeof value === 'function' && !HOOKS.includes(key))
      return `there is no hook "${key}"; hooks are ${HOOKS.join(', ')}`
  }
  // eslint-disable-next-line lb/no-text-index -- a name of the list above
  const own = HOOKS.filter((name) => hooks[name] !== undefined)
  for (const name of own) {
    // eslint-disable-next-line lb/no-text-index -- a name of the list above
    if (typeof hooks[name] !== 'function') return `"${name}" must be a function`
  }
  const { owns } = hooks
  if (own.length === 0 && owns === undefined)
    return `it returned an object with none of ${HOOKS.join(', ')}; undefined says that there is nothing to do`
  return owns === undefined ? undefined : whyNotOwned(owns)
}
