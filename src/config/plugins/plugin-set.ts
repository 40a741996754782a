import { resolve } from 'node:path'
import { importModule } from '../modules/import-module.ts'
import { readModuleFiles } from '../modules/module-files.ts'
import type { PluginConfig } from '../model/plugin-model.ts'
import { keepPlugin, knownPlugin } from './known-plugins.ts'
import { type PluginShape, standsEarly, whyNoPlugin } from './plugin-shape.ts'

export interface LoadedPlugin {
  readonly config: PluginConfig
  readonly plugin: PluginShape
  readonly early: boolean
}

/** The items of a configuration's `plugins` by position: the plugin, or why it could not be loaded. */
export type PluginSet = readonly (LoadedPlugin | { readonly problem: string })[]

/** Objects are compared by identity: the same object is the same plugin after a reload. */
const objects = new WeakMap<object, PluginConfig>()
let count = 0

/** Imports `plugins`: paths, relative to `directory`, or plugin objects. */
export async function loadPlugins(items: readonly unknown[], directory: string): Promise<PluginSet> {
  const set: (LoadedPlugin | { readonly problem: string })[] = []
  const early = new Map<string, boolean>()
  for (const item of items) {
    try {
      const loaded =
        typeof item === 'string' ? await fromFile(resolve(directory, item), early) : fromObject(item, early)
      early.set(loaded.config.name, loaded.early)
      set.push(loaded)
    } catch (error) {
      set.push({ problem: (error as Error).message })
    }
  }
  return set
}

async function fromFile(path: string, others: ReadonlyMap<string, boolean>): Promise<LoadedPlugin> {
  if (!/\.(?:ts|mts|js|mjs)$/.test(path)) throw new Error(`a plugin is a module: .ts, .mts, .js or .mjs`)
  let plugin: unknown
  let read
  try {
    read = readModuleFiles(path)
    plugin = await importModule({ path, ...read })
  } catch (error) {
    throw new Error(`cannot load the plugin: ${(error as Error).message}`, { cause: error })
  }
  const { hash, files, sources } = read
  const shape = checked(plugin, others)
  const config = { name: shape.name, path, hash, files }
  keepPlugin(config, { plugin: shape, sources })
  return { config, plugin: shape, early: standsEarly(shape, others) }
}

function fromObject(value: unknown, others: ReadonlyMap<string, boolean>): LoadedPlugin {
  const plugin = checked(value, others)
  let config = objects.get(plugin)
  if (config === undefined) {
    config = { name: plugin.name, hash: `object-${++count}`, files: [] }
    objects.set(plugin, config)
    keepPlugin(config, { plugin, sources: undefined })
  }
  return { config, plugin, early: standsEarly(plugin, others) }
}

function checked(value: unknown, others: ReadonlyMap<string, boolean>): PluginShape {
  const why = whyNoPlugin(value, [...others.keys()])
  if (why !== undefined) throw new Error(`this is not a plugin: ${why}`)
  return value as PluginShape
}

/** The plugin in this thread, imported on first use. */
export async function pluginHere(
  config: PluginConfig,
  sources: ReadonlyMap<string, string> | undefined
): Promise<PluginShape> {
  const known = knownPlugin(config)
  if (known !== undefined) return known.plugin
  if (sources === undefined || config.path === undefined)
    throw new Error(`the plugin ${config.name} is not known in this thread`)
  const plugin = (await importModule({ path: config.path, hash: config.hash, sources })) as PluginShape
  keepPlugin(config, { plugin, sources: undefined })
  return plugin
}
