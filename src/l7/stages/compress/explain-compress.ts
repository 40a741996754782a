import type { DryExchange } from '../../exchange/dry/dry-exchange.ts'
import type { Explanation } from '../explanation.ts'
import { GO_ON } from '../verdict.ts'
import { chooseCoding } from './accept-encoding.ts'
import { supported } from './encoders.ts'
import type { CompressKeys } from './keys.ts'

/** What would happen to the response, as far as the request decides it. */
export function explainCompress(keys: CompressKeys, { request }: DryExchange): Explanation {
  const { algorithms, minBytes, types, dictionary } = keys
  const accept = request.headers.get('accept-encoding')
  const coding = accept === undefined ? undefined : chooseCoding(accept, algorithms.filter(supported))
  const how =
    coding === undefined
      ? 'the response goes as it is'
      : `${coding}, ${types.length} types, from ${minBytes} bytes on`
  const more = dictionary ? ', or the difference to a stored body that the client shows' : ''
  return { verdict: GO_ON, notes: [`compress: ${how} (Accept-Encoding: ${accept ?? 'none'})${more}`] }
}
