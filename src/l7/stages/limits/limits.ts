import type { RequestLimits } from '../../../config/model/model.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { ANSWERED, GO_ON, type Verdict } from '../verdict.ts'
import { beyondLimits } from './beyond-limits.ts'

/** Enforces the `limits` of the route. */
class Limits implements Stage {
  readonly name = 'limits'
  readonly #limits: RequestLimits

  constructor(limits: RequestLimits) {
    this.#limits = limits
  }

  request(exchange: Exchange): Verdict {
    const refused = beyondLimits(exchange.request, this.#limits)
    if (refused === undefined) return GO_ON
    exchange.fail(refused.code, refused.reason)
    return ANSWERED
  }
}

export function compile(_keys: undefined, { listener, route }: StageContext): Stage | undefined {
  if (route === undefined) return undefined
  const limits = { ...listener.limits, ...route.limits }
  const { methods, bodyBytes, contentTypes } = limits
  // The parser has enforced the others already, with the listener's values.
  const beyondHead = methods !== undefined || bodyBytes !== undefined || contentTypes !== undefined
  return beyondHead || Object.keys(route.limits).length > 0 ? new Limits(limits) : undefined
}
