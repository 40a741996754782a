/** A plugin that a configuration names; what it does is found by this object (config/plugins/known-plugins.ts). */
export interface PluginConfig {
  /** As it names itself: its key under `plugins` of a listener or a route. */
  readonly name: string
  /** Absolute; undefined for an object that an embedding program has handed over. */
  readonly path?: string
  /** Changes with the content of the module and of what it imports. */
  readonly hash: string
  /** Watched: the module and what it imports by a relative path. */
  readonly files: readonly string[]
}

/** Under which key of StageValues a plugin's own stand. */
export function pluginKey(name: string): string {
  return `plugins.${name}`
}
