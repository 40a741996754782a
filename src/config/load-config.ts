import { extname, resolve } from 'node:path'
import { readConfigFile } from './config-file.ts'
import { EnvText } from './environment/env-text.ts'
import type { Environment } from './environment/environment.ts'
import { importModule, inTime } from './modules/import-module.ts'
import { readModuleFiles } from './modules/module-files.ts'
import { configFromObject, type ConfigResult, directoryOf, parseConfig, unreadable } from './parse-config.ts'
import { loadPlugins, type PluginSet } from './plugins/plugin-set.ts'
import { isMap } from './raw.ts'
import { YamlSource } from './yaml/yaml-source.ts'

/**
 * Reads, parses and validates a file: YAML or JSON, or a module whose default export is the configuration
 * (lb.config.ts). Imports its `plugins`. `file:` secrets and relative paths are relative to its directory.
 */
export async function loadConfig(path: string, env: Environment): Promise<ConfigResult> {
  if (['.ts', '.mts', '.js', '.mjs'].includes(extname(path))) return loadModule(path)
  const text = readConfigFile(path)
  return typeof text === 'string' ? loadText(text, path, env) : unreadable(path, text)
}

/** The same for a text; `file` is its name in messages. */
export async function loadText(text: string, file: string, env: Environment): Promise<ConfigResult> {
  if (!text.includes('plugins')) return parseConfig(text, { file, env })
  const { value } = new YamlSource(text, file, env)
  const plugins = isMap(value) ? await pluginsOf(value['plugins'], file) : undefined
  return parseConfig(text, { file, env, ...(plugins !== undefined && { plugins }) })
}

/** The same for an object in the form of the YAML, whose `plugins` may be plugin objects. */
export async function loadObject(value: unknown, file?: string): Promise<ConfigResult> {
  const given = isMap(value) ? (value as Record<string, unknown>)['plugins'] : undefined
  if (given === undefined) return configFromObject(value, file === undefined ? {} : { file })
  const plugins = await pluginsOf(given, file)
  const named = (item: unknown): unknown => (typeof item === 'object' && item !== null ? nameOf(item) : item)
  const items = Array.isArray(given) ? given.map(named) : named(given)
  return configFromObject(
    { ...(value as object), plugins: items },
    { plugins, ...(file !== undefined && { file }) }
  )
}

function pluginsOf(given: unknown, file: string | undefined): Promise<PluginSet> {
  const items: readonly unknown[] = given === undefined ? [] : Array.isArray(given) ? given : [given]
  const texts = items.map((item) => (item instanceof EnvText ? item.text : item))
  return loadPlugins(texts, directoryOf(file))
}

function nameOf(plugin: object): string {
  const { name } = plugin as { readonly name?: unknown }
  return typeof name === 'string' && name !== '' ? name : 'an object'
}

async function loadModule(path: string): Promise<ConfigResult> {
  const absolute = resolve(path)
  try {
    const read = readModuleFiles(absolute)
    const exported = await importModule({ path: absolute, ...read })
    const value: unknown =
      typeof exported === 'function' ? await inTime(Promise.resolve((exported as () => unknown)())) : exported
    if (typeof value !== 'object' || value === null) {
      return unreadable(
        path,
        at('its default export must be the configuration: export default defineConfig({ … })')
      )
    }
    const result = await loadObject(value, path)
    return result.ok ? { ...result, config: { ...result.config, imports: read.files.slice(1) } } : result
  } catch (error) {
    return unreadable(path, at(`cannot load the configuration: ${(error as Error).message}`))
  }
}

function at(message: string): { message: string; line: number; column: number } {
  return { message, line: 1, column: 1 }
}
