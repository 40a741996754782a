import type { Exchange } from '../exchange/exchange.ts'

/** The scheme that the client used: where TLS ends at a trusted proxy, that proxy names it. */
export function clientScheme({ scheme, trusted, request }: Exchange): string {
  if (!trusted) return scheme
  const told =
    request.headers.get('x-forwarded-proto') ??
    /(?:^|[;,\s])proto="?(\w+)/i.exec(request.headers.get('forwarded') ?? '')?.[1]
  return told === undefined ? scheme : told.split(',', 1)[0]!.trim().toLowerCase()
}
