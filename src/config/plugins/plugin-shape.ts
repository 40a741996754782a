import type { z } from 'zod'
import { whyNotOwned } from '../model/framing-fields.ts'
import { order } from '../../l7/stages/order.ts'
import { suggestion } from '../report/nearest.ts'
import { parseDuration } from '../units.ts'

/** The parts of a plugin that the configuration uses; l7/plugins/plugin.ts has the rest. */
export interface PluginShape {
  readonly name: string
  readonly before?: string
  readonly after?: string
  readonly words?: string
  readonly keys?: z.ZodType
  readonly budget?: string
  readonly timeout?: string
}

const HOOKS = ['request', 'requestBody', 'forward', 'response', 'body', 'done', 'explain', 'compile'] as const
const KNOWN = ['name', 'before', 'after', 'words', 'keys', 'budget', 'timeout', 'owns', ...HOOKS]

/** Why the export of a module is not a plugin; undefined: it is one. `others`: names of plugins before it. */
export function whyNoPlugin(value: unknown, others: readonly string[]): string | undefined {
  if (typeof value !== 'object' || value === null) {
    const got = value === undefined ? 'nothing' : `a ${typeof value}`
    return `its default export must be definePlugin({ name, before, request, … }), and is ${got}`
  }
  const shape = value as Record<string, unknown>
  const { name, before, after, keys, owns } = shape
  if (typeof name !== 'string' || !/^[A-Za-z][\w-]{0,40}$/.test(name))
    return 'its "name" must be a word such as "tenant"'
  for (const key of Object.keys(shape)) {
    if (!KNOWN.includes(key)) return `unknown key "${key}" in definePlugin${suggestion(key, KNOWN)}`
  }
  const places = [...order.map((entry) => entry.name), ...others]
  if (places.includes(name)) return `the name "${name}" is taken, by a stage or another plugin`
  if (before !== undefined && after !== undefined)
    return 'it has both "before" and "after", and its place is told by one of them: leave one out'
  if (before === undefined && after === undefined)
    return `it must say its place, with "before" or "after": ${places.join(', ')}`
  const place = before ?? after
  if (typeof place !== 'string' || !places.includes(place))
    return `there is no stage "${String(place)}"${suggestion(String(place), places)}`
  for (const hook of HOOKS) {
    if (shape[hook] !== undefined && typeof shape[hook] !== 'function') return `"${hook}" must be a function`
  }
  if (HOOKS.every((hook) => shape[hook] === undefined))
    return `it does nothing: it has none of ${HOOKS.join(', ')}`
  if (shape['compile'] !== undefined && HOOKS.some((hook) => hook !== 'compile' && shape[hook] !== undefined))
    return '"compile" returns the hooks; none may be beside it'
  if (keys !== undefined && typeof (keys as z.ZodType | null)?.safeParse !== 'function')
    return '"keys" must be a schema: mapping({ header: text("a field name") }), from fourseven/plugin'
  const wrong = wrongDefault((keys as { readonly shape?: unknown } | undefined)?.shape)
  if (wrong !== undefined) return `the default of its key "${wrong}" is no value of that key`
  for (const key of ['budget', 'timeout']) {
    const written: unknown = Reflect.get(value, key)
    const ms = typeof written === 'string' ? parseDuration(written) : undefined
    if (written !== undefined && (ms === undefined || ms <= 0 || ms > 600_000))
      return `"${key}" must be a duration such as "10ms"`
  }
  return owns === undefined ? undefined : whyNotOwned(owns)
}

/** Of the keys of a mapping, one whose default would be an error if it stood in the file. */
function wrongDefault(shape: unknown): string | undefined {
  return Object.entries((shape ?? {}) as Readonly<Record<string, z.ZodType>>).find(([, leaf]) => {
    try {
      return leaf.type === 'prefault' && !leaf.safeParse(undefined).success
    } catch {
      return true
    }
  })?.[0]
}

/** Whether it runs before the route is known, because the stage beside it does. */
export function standsEarly({ before, after }: PluginShape, others: ReadonlyMap<string, boolean>): boolean {
  const place = (before ?? after)!
  return others.get(place) ?? order.find(({ name }) => name === place)?.early === true
}
