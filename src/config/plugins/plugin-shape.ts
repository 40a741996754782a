import type { z } from 'zod'
import { order } from '../../l7/stages/order.ts'
import { suggestion } from '../report/nearest.ts'
import { parseDuration } from '../units.ts'

/** What the configuration knows of a plugin; the rest is l7/plugins/plugin.ts's. */
export interface PluginShape {
  readonly name: string
  readonly before?: string
  readonly after?: string
  readonly words?: string
  readonly keys?: z.ZodType
  readonly budget?: string
  readonly timeout?: string
}

const HOOKS = ['request', 'forward', 'response', 'body', 'done', 'explain', 'compile'] as const
const KNOWN = ['name', 'before', 'after', 'words', 'keys', 'budget', 'timeout', 'owns', ...HOOKS]

/** Why what a module exports is no plugin; undefined: it is one. `others`: names of plugins that stand before it. */
export function whyNoPlugin(value: unknown, others: readonly string[]): string | undefined {
  if (typeof value !== 'object' || value === null) {
    const got = value === undefined ? 'nothing' : `a ${typeof value}`
    return `its default export is to be definePlugin({ name, before, request, … }), and is ${got}`
  }
  const shape = value as Record<string, unknown>
  const { name, before, after, keys, owns } = shape
  if (typeof name !== 'string' || !/^[A-Za-z][\w-]{0,40}$/.test(name))
    return 'its "name" is to be a word such as "tenant"'
  for (const key of Object.keys(shape)) {
    if (!KNOWN.includes(key)) return `unknown key "${key}" in definePlugin${suggestion(key, KNOWN)}`
  }
  const places = [...order.map((entry) => entry.name), ...others]
  if (places.includes(name)) return `the name "${name}" is taken, by a stage or another plugin`
  if ((before === undefined) === (after === undefined))
    return `it is to say where it stands, by one of "before" and "after": ${places.join(', ')}`
  const place = before ?? after
  if (typeof place !== 'string' || !places.includes(place))
    return `there is no stage "${String(place)}"${suggestion(String(place), places)}`
  for (const hook of HOOKS) {
    if (shape[hook] !== undefined && typeof shape[hook] !== 'function') return `"${hook}" is to be a function`
  }
  if (HOOKS.every((hook) => shape[hook] === undefined))
    return `it does nothing: it has none of ${HOOKS.join(', ')}`
  if (shape['compile'] !== undefined && HOOKS.some((hook) => hook !== 'compile' && shape[hook] !== undefined))
    return '"compile" returns the hooks; none may stand beside it'
  if (keys !== undefined && typeof (keys as { safeParse?: unknown }).safeParse !== 'function')
    return '"keys" is to be a schema: mapping({ header: text("a field name") }), from fourseven/plugin'
  for (const key of ['budget', 'timeout']) {
    const written: unknown = Reflect.get(value, key)
    const ms = typeof written === 'string' ? parseDuration(written) : undefined
    if (written !== undefined && (ms === undefined || ms <= 0 || ms > 600_000))
      return `"${key}" is to be a duration such as "10ms"`
  }
  if (owns !== undefined && !(Array.isArray(owns) && owns.every((field) => typeof field === 'string')))
    return '"owns" is to be a list of field names'
  return undefined
}

/** Asked before the route is known, since the stage beside which it stands is. */
export function standsEarly({ before, after }: PluginShape, others: ReadonlyMap<string, boolean>): boolean {
  const place = (before ?? after)!
  return others.get(place) ?? order.find(({ name }) => name === place)?.early === true
}
