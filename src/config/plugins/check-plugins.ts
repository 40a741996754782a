import { z } from 'zod'
import { bareRecord, type BareRecord } from '../../core/own.ts'
import { suggestion } from '../report/nearest.ts'
import { errorAt, type Finding, type Path } from '../report/problem.ts'
import { isMap, type Raw, select, valueAt } from '../raw.ts'
import { off, on } from '../schema/leaf/leaves.ts'
import { type SourceOf, translate } from '../schema/schema-findings.ts'
import type { LoadedPlugin, PluginSet } from './plugin-set.ts'

export interface CheckedPlugins {
  readonly findings: readonly Finding[]
  readonly plugins: readonly LoadedPlugin[]
  /** The settings of each plugin, by listener, and by listener and route (`0`, `0/3`); `false`: it is off. */
  readonly settings: ReadonlyMap<string, Readonly<Record<string, unknown>>>
}

/** Validates what listeners and routes say about plugins with the plugins' own schemas. */
export function checkPlugins(root: Raw, set: PluginSet | undefined, sourceOf: SourceOf): CheckedPlugins {
  const check = new Check(root, set ?? [], sourceOf)
  const named = isMap(root) && Array.isArray(root['plugins']) ? root['plugins'].length : 0
  if (set === undefined && named > 0) {
    const message = 'plugins are imported, which takes a moment: use loadConfig or start, which wait for it'
    return { findings: [errorAt(['plugins'], message, 'key')], plugins: [], settings: new Map() }
  }
  check.items()
  for (const { path, value } of select(root, ['listeners', '*'])) {
    if (!isMap(value) || value['mode'] === 'l4') continue
    check.place(path, String(path[1]))
    for (const route of select(value, ['routes', '*']))
      check.place([...path, ...route.path], `${path[1]}/${route.path[1]}`)
  }
  const { findings, plugins, settings } = check
  return { findings, plugins, settings }
}

class Check {
  readonly findings: Finding[] = []
  readonly plugins: readonly LoadedPlugin[]
  readonly settings = new Map<string, Readonly<Record<string, unknown>>>()
  readonly #root: Raw
  readonly #set: PluginSet
  readonly #sourceOf: SourceOf
  readonly #byName: ReadonlyMap<string, LoadedPlugin>

  constructor(root: Raw, set: PluginSet, sourceOf: SourceOf) {
    this.#root = root
    this.#set = set
    this.#sourceOf = sourceOf
    this.plugins = set.filter((each): each is LoadedPlugin => !('problem' in each))
    this.#byName = new Map(this.plugins.map((each) => [each.config.name, each]))
  }

  items(): void {
    for (const [index, item] of this.#set.entries()) {
      if ('problem' in item) this.findings.push(errorAt(['plugins', index], item.problem))
      else if (item.config.path === undefined && valueAt(this.#root, ['workers']) !== 0) {
        const message =
          'a plugin that is an object cannot go to worker threads: set workers: 0, or name its file'
        this.findings.push(errorAt(['plugins', index], message))
      }
    }
  }

  place(path: Path, place: string): void {
    const listener = path.length === 2
    const given = valueAt(this.#root, [...path, 'plugins'])
    const values = bareRecord<unknown>()
    // A plugin without settings is on everywhere.
    if (listener)
      for (const { config, plugin } of this.plugins) if (plugin.keys === undefined) values[config.name] = {}
    if (isMap(given)) {
      for (const [name, value] of Object.entries(given))
        this.#one([...path, 'plugins', name], value, listener, values)
    }
    if (Object.keys(values).length > 0) this.settings.set(place, values)
  }

  #one(path: Path, value: Raw, listener: boolean, values: BareRecord<unknown>): void {
    const name = String(path.at(-1))
    const loaded = this.#byName.get(name)
    if (loaded === undefined) return this.#unknown(path, name)
    if (loaded.early && !listener) {
      const message = `the plugin "${name}" runs before the route is known; its settings belong on the listener`
      this.findings.push(errorAt(path, message, 'key'))
      return
    }
    const { keys } = loaded.plugin
    const schema = keys === undefined ? z.union([off(), on()]) : z.union([off(), keys])
    // `true` means all defaults, if there are any.
    const meant = keys !== undefined && value === true ? {} : value
    const result = parsedBy(schema, meant)
    if (typeof result === 'string') {
      this.findings.push(errorAt(path, `the keys of the plugin "${name}" cannot be checked: ${result}`))
      return
    }
    if (!result.success) {
      this.findings.push(...translate(this.#root, this.#sourceOf, result.error.issues, path))
      return
    }
    const parsed = result.data === true ? {} : result.data
    if (isPlain(parsed)) values[name] = parsed
    else
      this.findings.push(
        errorAt(path, `the keys of the plugin "${name}" turn this into something that is not plain data`)
      )
  }

  #unknown(path: Path, name: string): void {
    // The name of a plugin that failed to load is unknown.
    if (this.plugins.length < this.#set.length) return
    const names = [...this.#byName.keys()]
    const hint =
      names.length === 0 ? '; name its file under the top-level "plugins"' : suggestion(name, names)
    this.findings.push(errorAt(path, `there is no plugin "${name}"${hint}`, 'key'))
  }
}

/** Text: what the schema throws, which may have code of the plugin's. */
function parsedBy<Schema extends z.ZodType>(schema: Schema, value: unknown) {
  try {
    return schema.safeParse(value)
  } catch (error) {
    if (error instanceof z.core.$ZodAsyncError) return 'they must not wait: no async function'
    return error instanceof Error ? error.message : String(error)
  }
}

/** It is sent to other threads, and compared as text. */
function isPlain(value: unknown): boolean {
  try {
    structuredClone(value)
    return true
  } catch {
    return false
  }
}
