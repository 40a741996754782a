import type { Counter } from '../../core/metrics/metrics.ts'
import type { EngineContext } from '../exchange/engine-context.ts'
import type { Exchange } from '../exchange/exchange.ts'
import type { Refusal } from './refusal.ts'
import { ANSWERED, GO_ON, type Verdict } from './verdict.ts'

/** The guard's hook returns the value that this function returns. */
export type Refuse = (exchange: Exchange, refusal: Refusal) => Verdict

/**
 * Refuses requests for one stage. In shadow mode it counts and logs what it would have done, and the request continues:
 * so a new rule can be tried on real traffic.
 */
export function makeRefuse(
  stage: string,
  shadow: boolean,
  labels: { readonly listener: string; readonly route: string },
  engine: EngineContext
): Refuse {
  let counter: Counter | undefined
  return (exchange, refusal) => {
    if (!exchange.dry) {
      counter ??= engine.metrics.counter('lb_stage_refusals_total', {
        ...labels,
        stage,
        shadow: String(shadow)
      })
      counter.add()
    }
    if (!shadow) {
      exchange.refuse(refusal)
      return ANSWERED
    }
    exchange.note(`${stage} would refuse: ${refusal.code} (${refusal.reason})`)
    exchange.addLogField('wouldRefuse', `${stage}: ${refusal.code}`)
    if (!exchange.dry) {
      const { requestId, clientIp: client } = exchange
      engine.log.info(
        { event: 'would-refuse', ...labels, stage, code: refusal.code, client, requestId },
        `would have refused: ${refusal.reason}`
      )
    }
    return GO_ON
  }
}
