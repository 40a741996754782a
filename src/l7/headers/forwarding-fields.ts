import type { HeaderBlock } from '../header-block.ts'

/**
 * Fields by which a proxy tells what it saw (RFC 7239, and those that were there before it) or which URL was meant.
 * Backends believe them; so from a peer that is not trusted they are removed: a client that sends X-Forwarded-For
 * wants to be somebody else, and one that sends X-Original-URL wants another path than the one that was routed.
 */
export const FORWARDING_FIELDS: readonly string[] = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-server',
  'x-forwarded-scheme',
  'x-forwarded-ssl',
  'x-forwarded-prefix',
  'x-forwarded-uri',
  'x-forwarded-method',
  'x-real-ip',
  'x-original-url',
  'x-rewrite-url'
]

/** For the case, rare with honest clients, that the parser has seen any of them: one search of the block for each. */
export function dropForwardingFields(headers: HeaderBlock): void {
  for (const name of FORWARDING_FIELDS) headers.remove(name)
}
