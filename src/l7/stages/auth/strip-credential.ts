import type { Exchange } from '../../exchange/exchange.ts'
import { comparableName } from '../../../core/cookies.ts'

/** Removes cookies from the request, in every spelling that some server reads as their names. */
export function stripCookie(exchange: Exchange, ...names: readonly string[]): void {
  const field = exchange.request.headers.get('cookie')
  if (field === undefined) return
  const wanted = new Set(names.map(comparableName))
  const kept = field
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '' && !wanted.has(comparableName(pair.split('=', 1)[0]!.trim())))
  exchange.setRequestField('Cookie', kept.length === 0 ? undefined : kept.join('; '))
}

/** Removes a parameter from the query, in every spelling that some server reads as its name. */
export function stripQuery(exchange: Exchange, name: string): void {
  const { query } = exchange
  if (query === undefined) return
  const wanted = comparableName(name)
  const kept = query.split('&').filter((pair) => comparableName(pair.split('=', 1)[0]!) !== wanted)
  exchange.query = kept.length === 0 ? undefined : kept.join('&')
}
