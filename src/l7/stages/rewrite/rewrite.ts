import type { Exchange } from '../../exchange/exchange.ts'
import { compileRewrite, type PathRewrite } from '../../router/rewrite.ts'
import { comparing } from '../../uri/path-policy.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { ANSWERED, GO_ON, type Verdict } from '../verdict.ts'

/** Changes the path that a backend is asked for. */
class Rewrite implements Stage {
  readonly name = 'rewrite'
  readonly #rewrite: PathRewrite

  constructor(rewrite: PathRewrite) {
    this.#rewrite = rewrite
  }

  request(exchange: Exchange): Verdict {
    const path = this.#rewrite(exchange.path)
    if (path === undefined) {
      exchange.fail('LB_BAD_PATH', 'the rewrite leads out of the root')
      return ANSWERED
    }
    exchange.forwardPath = path
    return GO_ON
  }
}

export function compile(_keys: undefined, { listener, route }: StageContext): Stage | undefined {
  if (route?.rewrite === undefined) return undefined
  return new Rewrite(compileRewrite(route.rewrite, comparing(listener.paths)))
}
