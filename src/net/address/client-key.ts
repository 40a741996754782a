import { ipWords, parseIp } from './ip-address.ts'

/** By which a client is remembered: its address, or the /64 that an IPv6 client usually has (RFC 6177). */
export function clientKey(address: string): string {
  return parseIp(address) === 6 ? `${ipWords[0]!}:${ipWords[1]!}` : address
}
