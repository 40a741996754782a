import type { PluginConfig } from '../../config/model/model.ts'
import { knownPlugin } from '../../config/plugins/known-plugins.ts'
import type { PluginShape } from '../../config/plugins/plugin-shape.ts'
import { pluginHere } from '../../config/plugins/plugin-set.ts'
import { parseDuration } from '../../config/units.ts'
import type { Plugin } from '../../l7/plugins/plugin.ts'
import { withPlugins } from '../../l7/plugins/with-plugins.ts'
import type { LoadedStage } from '../../l7/stages/loaded.ts'

/** A plugin in the form for workers: they import the texts that the main thread has read. */
export interface PluginPlan {
  readonly config: PluginConfig
  /** Path → text; undefined for an object of the embedding program, with `workers: 0`. */
  readonly sources: ReadonlyMap<string, string> | undefined
}

const BUDGET = '10ms'
const TIMEOUT = '5s'

/** In the main thread, which has imported them with the configuration. */
export function pluginPlans(
  plugins: readonly PluginConfig[],
  before: readonly PluginPlan[] = []
): readonly PluginPlan[] {
  const same =
    plugins.length === before.length && plugins.every(({ hash }, at) => before[at]!.config.hash === hash)
  // The same objects as long as nothing changes, so that they are sent to each worker once.
  if (same) return before
  return plugins.map((config) => ({ config, sources: knownPlugin(config)?.sources }))
}

/** The table of stages with the plugins of a snapshot, imported in this thread if needed. */
export async function pluginStages(
  plans: readonly PluginPlan[]
): Promise<readonly LoadedStage[] | undefined> {
  if (plans.length === 0) return undefined
  const loaded = []
  for (const { config, sources } of plans) loaded.push(await pluginHere(config, sources))
  return withPlugins(loaded.map(asked))
}

/** The same in the main thread, which has imported all of them. */
export function knownStages(plugins: readonly PluginConfig[]): readonly LoadedStage[] | undefined {
  const known = plugins.map((config) => knownPlugin(config)?.plugin).filter((plugin) => plugin !== undefined)
  return known.length === 0 ? undefined : withPlugins(known.map(asked))
}

function asked(shape: PluginShape) {
  const { budget = BUDGET, timeout = TIMEOUT } = shape
  return {
    plugin: shape as Plugin<unknown>,
    limits: { budgetMs: parseDuration(budget)!, timeoutMs: parseDuration(timeout)! }
  }
}
