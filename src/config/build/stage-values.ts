import type { StageValues } from '../model/model.ts'
import { pluginKey } from '../model/plugin-model.ts'
import { stageKeyNames } from '../schema/stage-schema.ts'

/** The input of a listener or a route, which contains the keys of stages. */
export type StageInputs = object

/** The stages that are on: the route's own keys, else the listener's; `false` turns one off. */
export function stageValues(listener: StageInputs, route: StageInputs = {}): StageValues {
  const inherited = listener as Readonly<Record<string, unknown>>
  const own = route as Readonly<Record<string, unknown>>
  const values: Record<string, unknown> = {}
  /* eslint-disable lb/no-text-index -- keys of the table of stages */
  for (const key of stageKeyNames) {
    const value = own[key] ?? inherited[key]
    if (value !== undefined && value !== false) values[key] = value
  }
  const plugins = { ...settingsOf(listener), ...settingsOf(route) }
  for (const [name, value] of Object.entries(plugins)) if (value !== false) values[pluginKey(name)] = value
  /* eslint-enable lb/no-text-index */
  return values
}

function settingsOf(input: StageInputs): Readonly<Record<string, unknown>> {
  return (input as { readonly plugins?: Readonly<Record<string, unknown>> }).plugins ?? {}
}
