import type { Exchange } from '../../exchange/exchange.ts'
import { Split } from '../../router/split.ts'
import type { Target } from '../../compile/l7-snapshot.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { GO_ON } from '../verdict.ts'

/** Chooses the pool: that of the route, or one of several by weight. */
export function compile(_keys: undefined, { route, target }: StageContext): Stage | undefined {
  if (route === undefined) return undefined
  const { action } = route
  if (action.kind === 'pool') {
    const only = target(action.pool)
    return stage(() => only)
  }
  if (action.kind !== 'split') return undefined
  const split = new Split(action.targets.map(({ pool, weight }) => ({ value: target(pool), weight })))
  return stage((exchange) => split.pick(exchange.context.random))
}

function stage(choose: (exchange: Exchange) => Target): Stage {
  return {
    name: 'destination',
    request(exchange) {
      exchange.target = choose(exchange)
      return GO_ON
    }
  }
}
