import type { Exchange } from '../../exchange/exchange.ts'
import { isLoop } from '../../headers/via.ts'
import { SEEN_HOPS } from '../../message/seen.ts'
import type { Stage } from '../stage.ts'
import { ANSWERED, GO_ON, type Verdict } from '../verdict.ts'

/** Ends requests that pass lb too often (RFC 8586, RFC 9110 §7.6.3). */
const loop: Stage = {
  name: 'loop',
  skipsPlainGets: true,

  request(exchange: Exchange): Verdict {
    const { request, context } = exchange
    if ((request.seen & SEEN_HOPS) === 0) return GO_ON
    const { headers } = request
    const loops =
      isLoop(headers.get('cdn-loop') ?? '', context.pseudonym) ||
      isLoop(headers.get('via') ?? '', context.pseudonym)
    if (!loops) return GO_ON
    exchange.fail('LB_LOOP', 'the request has been here before')
    return ANSWERED
  }
}

export function compile(): Stage {
  return loop
}
