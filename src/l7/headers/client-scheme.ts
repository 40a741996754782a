import type { HeaderBlock } from '../message/header-block.ts'

export interface Asked {
  readonly request: { readonly headers: HeaderBlock }
  /** The peer is a proxy that is believed. */
  readonly trusted: boolean
  readonly scheme: 'http' | 'https'
}

/** How the client itself speaks: a trusted proxy that ends TLS before us says so, by X-Forwarded-Proto or Forwarded. */
export function clientScheme({ request, trusted, scheme }: Asked): 'http' | 'https' {
  if (!trusted) return scheme
  const said =
    request.headers.first('x-forwarded-proto') ??
    /(?:^|[;,\s])proto="?([a-z]+)/i.exec(request.headers.first('forwarded') ?? '')?.[1]
  // Of a list the first is the client's own.
  const first = said?.split(',', 1)[0]!.trim().toLowerCase()
  return first === 'http' || first === 'https' ? first : scheme
}
