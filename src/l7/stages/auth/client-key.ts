import { ipWords, parseIp } from '../../../net/address/ip-address.ts'

/** The key that wrong guesses are counted by: an IPv6 client is its /64 (RFC 6177). */
export function clientKey(address: string): string {
  return parseIp(address) === 6 ? `${ipWords[0]!}:${ipWords[1]!}` : address
}
