import { ipWords, parseIp } from '../../../net/address/ip-address.ts'

/** The key for counting wrong guesses: an IPv6 client is its /64 (RFC 6177). */
export function clientKey(address: string): string {
  return parseIp(address) === 6 ? `${ipWords[0]!}:${ipWords[1]!}` : address
}
