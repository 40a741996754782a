import type { Config } from '../../../config/model/model.ts'
import { errorAt, type Finding } from '../../../config/report/problem.ts'
import { systemClock } from '../../../core/clock.ts'
import { dryContext, drySnapshot } from '../../../l7/compile/dry-snapshot.ts'
import { knownStages } from '../../plane/plugin-stages.ts'

/** Plugins are compiled for each route, which may fail: this finds it before the start. */
export function* checkPluginsReady(config: Config): Generator<Finding> {
  const stages = knownStages(config.plugins)
  if (stages === undefined) return
  const context = dryContext(systemClock, 'check')
  for (const [index, listener] of config.listeners.entries()) {
    if (listener.mode !== 'l7') continue
    try {
      drySnapshot(listener, config.pools, context, stages)
    } catch (error) {
      yield errorAt(['listeners', index], (error as Error).message)
    }
  }
}
