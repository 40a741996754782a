import type { CidrSet } from './cidr.ts'
import { isIp } from './ip-address.ts'

/** Entries beyond this number are ignored: no real chain has 32 proxies, and each entry costs a search. */
export const MAX_HOPS = 32

/**
 * The address that counts as the client's: for logs, limits, routes and hashing. Proxies add what they see at the
 * right end, so the list is read from the right for as long as the address that vouches for the next is trusted.
 * The first untrusted one is the client; everything to its left anybody could have written.
 *
 * X-Forwarded-For is believed before Forwarded: it is what proxies that know only one of the two maintain. A trusted
 * proxy must overwrite or append to both, or strip the one that it does not maintain.
 * An entry that is no address (`unknown`, `_hidden`, garbage) ends the walk at the hop that reported it.
 */
export function clientAddress(
  peer: string,
  trusted: CidrSet,
  xForwardedFor: string | undefined,
  forwarded: string | undefined
): string {
  if (trusted.size === 0 || !trusted.contains(peer)) return peer
  if (xForwardedFor !== undefined) return walk(peer, trusted, xForwardedFor, bareAddress)
  if (forwarded !== undefined) return walk(peer, trusted, forwarded, forParameter)
  return peer
}

function walk(
  peer: string,
  trusted: CidrSet,
  list: string,
  addressOf: (entry: string) => string | undefined
): string {
  let client = peer
  let end = list.length
  for (let hops = 0; end >= 0 && hops < MAX_HOPS; hops++) {
    const comma = end === 0 ? -1 : list.lastIndexOf(',', end - 1)
    const entry = list.slice(comma + 1, end).trim()
    end = comma
    // RFC 9110 §5.6.1.2: empty list elements are ignored.
    if (entry === '') continue
    const address = addressOf(entry)
    if (address === undefined) return client
    client = address
    if (!trusted.contains(address)) return client
  }
  return client
}

/** `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711` → the address alone. */
export function bareAddress(entry: string): string | undefined {
  let address = entry
  if (entry.charCodeAt(0) === 0x5b) {
    const close = entry.indexOf(']')
    if (close === -1 || !isPortSuffix(entry, close + 1)) return undefined
    address = entry.slice(1, close)
    if (!address.includes(':')) return undefined
  } else {
    const colon = entry.indexOf(':')
    if (colon !== -1 && colon === entry.lastIndexOf(':')) {
      if (!isPortSuffix(entry, colon)) return undefined
      address = entry.slice(0, colon)
    }
  }
  return isIp(address) ? address : undefined
}

/** RFC 7239 §6: the node may carry a port, or an obfuscated one (`_x`). */
function isPortSuffix(entry: string, at: number): boolean {
  return at === entry.length || /^:(\d{1,5}|_[\w.-]{1,64})$/.test(entry.slice(at))
}

/**
 * The address in the `for` of one Forwarded element (RFC 7239 §4). A quoted string with a comma in it is split by
 * the caller and then found malformed, which is safe: the walk ends there.
 */
export function forParameter(element: string): string | undefined {
  for (const pair of element.split(';', 8)) {
    const equals = pair.indexOf('=')
    if (equals === -1 || pair.slice(0, equals).trim().toLowerCase() !== 'for') continue
    let value = pair.slice(equals + 1).trim()
    if (value.charCodeAt(0) === 0x22) {
      if (value.length < 2 || !value.endsWith('"') || value.includes('\\')) return undefined
      value = value.slice(1, -1)
    }
    return bareAddress(value)
  }
  return undefined
}
