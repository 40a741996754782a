import { ipWords, parseIp } from '../../../net/address/ip-address.ts'

/** Whom guesses count for: an IPv6 client has a /64 to itself (RFC 6177). */
export function clientKey(address: string): string {
  return parseIp(address) === 6 ? `${ipWords[0]!}:${ipWords[1]!}` : address
}
