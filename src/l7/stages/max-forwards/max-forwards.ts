import type { Exchange } from '../../exchange/exchange.ts'
import { sendLocal } from '../../exchange/local-answer.ts'
import { clientFields } from '../../exchange/response-fields.ts'

const NO_BYTES = Buffer.alloc(0)

/**
 * Max-Forwards of OPTIONS and TRACE (RFC 9110 §7.6.2): each hop takes one off, and at 0 the request is answered and not
 * sent on. True when it has been answered.
 */
export function answersItself(exchange: Exchange): boolean {
  const { method, headers, bodyLength } = exchange.request
  // RFC 9110 §9.3.8: TRACE has no content; servers that do not look for some would read it as a request.
  if (method === 'TRACE' && bodyLength !== 0) {
    exchange.fail('LB_BAD_REQUEST', 'TRACE with a body')
    return true
  }
  const hops = headers.first('max-forwards')
  if (hops === undefined || !/^\d{1,9}$/.test(hops)) return false
  if (Number(hops) > 0) {
    headers.set('Max-Forwards', String(Number(hops) - 1))
    return false
  }
  if (method === 'TRACE') exchange.fail('LB_METHOD', 'TRACE that ends here')
  else {
    sendLocal(exchange, 200, clientFields(exchange, ''), NO_BYTES)
    exchange.sendEnd('')
  }
  return true
}
