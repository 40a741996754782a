import { pluginKey } from '../../config/model/plugin-model.ts'
import { stages, type LoadedStage } from '../stages/loaded.ts'
import type { Plugin } from './plugin.ts'
import { compilePlugin, type PluginLimits } from './plugin-stage.ts'

export interface PluginToAsk {
  readonly plugin: Plugin<unknown>
  readonly limits: Omit<PluginLimits, 'mayChangeBody'>
}

/** The table of stages with plugins at their places; several of one place stand in the order of the file. */
export function withPlugins(plugins: readonly PluginToAsk[]): readonly LoadedStage[] {
  const all = [...stages]
  for (const { plugin, limits } of plugins) {
    const { name, before, after } = plugin
    const place = all.findIndex((stage) => stage.name === (before ?? after))
    if (place === -1)
      throw new RangeError(`the plugin ${name} stands beside ${before ?? after}, which is not there`)
    const { early } = all[place]!
    // What another has put behind the same stage comes first.
    let at = place
    if (before === undefined)
      do at++
      while (behind(all[at], after!))
    all.splice(at, 0, {
      name,
      place: after === undefined ? `a plugin, before ${before}` : `a plugin, behind ${after}`,
      early,
      key: pluginKey(name),
      keys: undefined,
      memory: undefined,
      load: () => Promise.reject(new Error('a plugin is loaded by its file')),
      compile: (keys, context) => {
        const at = all.findIndex((stage) => stage.name === name)
        const mayChangeBody = at < all.findIndex((stage) => stage.name === 'mirror')
        return compilePlugin(plugin, { ...limits, mayChangeBody }, keys, context)
      }
    })
  }
  return all
}

function behind(stage: LoadedStage | undefined, place: string): boolean {
  return stage?.place === `a plugin, behind ${place}`
}
