import type { Exchange } from '../../exchange/exchange.ts'
import { sendLocal } from '../../exchange/response/local-answer.ts'
import type { Stage } from '../stage.ts'
import { ANSWERED, GO_ON, type Verdict } from '../verdict.ts'

const NO_BYTES = Buffer.alloc(0)

/** Max-Forwards of OPTIONS and TRACE (RFC 9110 §7.6.2): each hop decrements it; at 0 the request is answered here. */
const maxForwards: Stage = {
  name: 'max-forwards',
  skipsPlainGets: true,

  request(exchange: Exchange): Verdict {
    const { method, headers, bodyLength } = exchange.request
    if (method !== 'OPTIONS' && method !== 'TRACE') return GO_ON
    // RFC 9110 §9.3.8: TRACE has no content; servers that ignore it would read it as another request.
    if (method === 'TRACE' && bodyLength !== 0) {
      exchange.fail('LB_BAD_REQUEST', 'TRACE with a body')
      return ANSWERED
    }
    const hops = headers.first('max-forwards')
    if (hops === undefined || !/^\d{1,9}$/.test(hops)) return GO_ON
    if (Number(hops) > 0) {
      headers.set('Max-Forwards', String(Number(hops) - 1))
      return GO_ON
    }
    exchange.note('Max-Forwards: 0 ends here')
    if (method === 'TRACE') exchange.fail('LB_METHOD', 'TRACE that ends here')
    else sendLocal(exchange, 200, '', NO_BYTES)
    return ANSWERED
  }
}

export function compile(): Stage {
  return maxForwards
}
