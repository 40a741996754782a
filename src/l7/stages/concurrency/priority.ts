import { own } from '../../../core/own.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { ConcurrencyInput } from './keys.ts'

/** Classes, in the order in which they are served. */
export const HIGH = 0
const NORMAL = 1
const LOW = 2

const classes = new Map<string | undefined, number>([
  ['high', HIGH],
  ['normal', NORMAL],
  ['low', LOW]
])

/** Share of the places per class, so that higher classes find some free. */
const shares = [1, 0.95, 0.8]

export function shareOf(priority: number): number {
  return shares[priority]!
}

/** Without a configured priority all requests are equal and may use all places. */
export function priorityOf(exchange: Exchange, config: ConcurrencyInput['priority']): number {
  if (config === undefined) return HIGH
  const { header } = config
  const said =
    header !== undefined && exchange.trusted ? exchange.request.headers.get(header.toLowerCase()) : undefined
  const ofRoute = own(config.routes, exchange.route?.name ?? '')
  return classes.get(said?.toLowerCase()) ?? classes.get(ofRoute) ?? classes.get(config.default)!
}
