import type { Exchange } from '../../exchange/exchange.ts'
import type { ForwardHead } from '../../exchange/forward-head.ts'
import { hasPrefix } from '../../router/place.ts'
import { compileRewrite, type PathRewrite } from '../../router/rewrite.ts'
import { comparing } from '../../uri/path-policy.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { ANSWERED, GO_ON, type Verdict } from '../verdict.ts'

/** Changes the path of the request to the backend. */
class Rewrite implements Stage {
  readonly name = 'rewrite'
  readonly #rewrite: PathRewrite
  readonly #prefix: string | undefined

  constructor(rewrite: PathRewrite, prefix: string | undefined) {
    this.#rewrite = rewrite
    this.#prefix = prefix === undefined || prefix === '/' ? undefined : prefix.replace(/\/$/, '')
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

  /**
   * Tells the backend which prefix was removed, for the links that it generates; appended to one that a trusted proxy
   * removed.
   */
  forward(exchange: Exchange, { headers }: ForwardHead): void {
    const prefix = this.#prefix
    if (prefix === undefined || !hasPrefix(exchange.path, prefix)) return
    const before = exchange.trusted ? (headers.first('x-forwarded-prefix') ?? '') : ''
    headers.set('X-Forwarded-Prefix', before.replace(/\/$/, '') + prefix)
  }
}

export function compile(_keys: undefined, { listener, route }: StageContext): Stage | undefined {
  if (route?.rewrite === undefined) return undefined
  const { rewrite } = route
  return new Rewrite(compileRewrite(rewrite, comparing(listener.paths)), rewrite.stripPrefix)
}
