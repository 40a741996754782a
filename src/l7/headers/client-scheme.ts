import type { HeaderBlock } from '../message/header-block.ts'

export interface Asked {
  readonly request: { readonly headers: HeaderBlock }
  /** The peer is a proxy that is believed. */
  readonly trusted: boolean
  readonly scheme: 'http' | 'https'
}

/** The scheme that the client uses: a trusted proxy that terminates TLS before us says it in X-Forwarded-Proto or Forwarded. */
export function clientScheme({ request, trusted, scheme }: Asked): 'http' | 'https' {
  if (!trusted) return scheme
  const said =
    request.headers.first('x-forwarded-proto') ??
    /(?:^|[;,\s])proto="?([a-z]+)/i.exec(request.headers.first('forwarded') ?? '')?.[1]
  // The first of a list is the client's.
  const first = said?.split(',', 1)[0]!.trim().toLowerCase()
  return first === 'http' || first === 'https' ? first : scheme
}
