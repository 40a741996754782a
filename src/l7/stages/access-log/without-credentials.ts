import type { L7ListenerConfig } from '../../../config/model/model.ts'
import { comparableName } from '../../../core/cookies.ts'
import type { Exchange } from '../../exchange/exchange.ts'

interface Auth {
  readonly methods: readonly Readonly<Record<string, { readonly query?: string } | undefined>>[]
}

const known = new WeakMap<L7ListenerConfig, ReadonlySet<string>>()

/** A URL of a request as it may be logged: parameters in which `auth` of this listener takes credentials, without their values. */
export function withoutCredentials(url: string, { snapshot }: Exchange): string {
  const query = url.indexOf('?') + 1
  if (query === 0) return url
  const names = parametersOf(snapshot.config)
  if (names.size === 0) return url
  const pairs = url
    .slice(query)
    .split('&')
    .map((pair) => {
      const value = pair.indexOf('=') + 1
      return value > 0 && names.has(comparableName(pair.slice(0, value - 1)))
        ? `${pair.slice(0, value)}***`
        : pair
    })
  return url.slice(0, query) + pairs.join('&')
}

/** Of the listener and all its routes, since a request may end before its route is known. */
function parametersOf(listener: L7ListenerConfig): ReadonlySet<string> {
  let names = known.get(listener)
  if (names === undefined) {
    const auths = [listener, ...listener.routes].map(({ stages }) => stages['auth'] as Auth | undefined)
    const queries = auths.flatMap((auth) => auth?.methods ?? []).flatMap((method) => Object.values(method).map((each) => each?.query)) // prettier-ignore
    names = new Set(queries.filter((name) => name !== undefined).map(comparableName))
    known.set(listener, names)
  }
  return names
}
