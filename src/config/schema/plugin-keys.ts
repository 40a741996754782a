import { z } from 'zod'
import { listOf } from './leaf/leaf.ts'
import { text } from './leaf/leaves.ts'
import { name } from './leaf/name.ts'

/** The top-level key `plugins`. An embedding program may pass plugin objects, which are listed here by name. */
export const pluginList = listOf(
  text('the path of a module such as ./tenant.ts', { max: 4096, json: { title: 'plugin' } }) as z.ZodType<
    string,
    string | { readonly name: string }
  >,
  { max: 100 }
)
  .prefault([])
  .describe(
    'Stages of your own: modules in TypeScript or JavaScript, relative to this file (docs/plugins.md).'
  )

const records = new Set<object>()

/** The settings of plugins; each plugin's own schema checks them (config/plugins/check-plugins.ts). */
function settings(words: string) {
  const record = z.record(name('the name of a plugin'), z.unknown())
  records.add(record)
  return record.optional().describe(words)
}

/** Whether a part of the schema is such a mapping: the JSON Schema inserts the plugins' keys there. */
export function isPluginSettings(schema: object): boolean {
  return records.has(schema)
}

export const listenerPlugins = settings(
  'Settings of plugins, by name; `false` turns one off. On every route without its own.'
)
export const routePlugins = settings(
  "Settings of plugins, by name; `false` turns one off. Overrides the listener's."
)
