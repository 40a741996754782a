/** A plugin in a configuration; this object is the key to its code (config/plugins/known-plugins.ts). */
export interface PluginConfig {
  /** The name that it declares: its key under `plugins` of a listener or a route. */
  readonly name: string
  /** Absolute; undefined for an object from an embedding program. */
  readonly path?: string
  /** Changes with the content of the module and its imports. */
  readonly hash: string
  /** Files to watch: the module and its relative imports. */
  readonly files: readonly string[]
}

/** The key of a plugin's values in StageValues. */
export function pluginKey(name: string): string {
  return `plugins.${name}`
}
