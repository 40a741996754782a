import type { PluginConfig } from '../model/plugin-model.ts'
import type { PluginShape } from './plugin-shape.ts'

export interface KnownPlugin {
  /** What the module exports. */
  readonly plugin: PluginShape
  /** Path → text, for other threads; undefined for an object, which cannot leave this thread. */
  readonly sources: ReadonlyMap<string, string> | undefined
}

/** The plugins of this thread. They are released with the configurations that name them. */
const known = new WeakMap<PluginConfig, KnownPlugin>()

export function keepPlugin(config: PluginConfig, plugin: KnownPlugin): void {
  known.set(config, plugin)
}

/** Undefined in a thread that has not imported it yet. */
export function knownPlugin(config: PluginConfig): KnownPlugin | undefined {
  return known.get(config)
}
