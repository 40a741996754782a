import type { Clock } from '../core/clock.ts'
import { Deadlines } from '../core/deadlines.ts'
import type { Logger } from '../core/log.ts'
import type { Metrics } from '../core/metrics.ts'
import type { Random } from '../core/random.ts'
import type { Engines } from './engine.ts'

export interface EnginesParts {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly metrics: Metrics
}

/** The engines of one thread, over what they share there: deadlines, upstream connections, metrics. */
export function makeEngines(parts: EnginesParts): Engines {
  const deadlines = new Deadlines(parts.clock)
  void deadlines
  return {
    prepare(config) {
      throw new Error(`mode ${config.mode} is not there yet`)
    },
    retain() {},
    close() {},
    shed() {},
    freed() {}
  }
}
