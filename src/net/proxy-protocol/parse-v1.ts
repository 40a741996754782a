import { parseIp } from '../address/ip-address.ts'
import type { Endpoint } from '../dial/endpoint.ts'
import { bad, MORE, type ParsedHeader } from './header.ts'

/** §2.1: the longest line, UNKNOWN with two IPv6 addresses, with its CRLF. */
export const V1_MAX_BYTES = 107
export const V1_PREFIX = 'PROXY '

const LF = 10
const CR = 13

/** Parses the text line that begins at `start`. Bytes after its CRLF are ignored. */
export function parseV1(buffer: Buffer, start: number, end: number): ParsedHeader {
  const limit = Math.min(end, start + V1_MAX_BYTES)
  let at = start
  while (at < limit && buffer[at] !== LF) at++
  if (at === limit) return limit - start === V1_MAX_BYTES ? bad('v1 line over 107 bytes') : MORE
  if (at === start || buffer[at - 1] !== CR) return bad('v1 line ends without CR')
  const length = at + 1 - start
  const line = buffer.toString('latin1', start, at - 1)
  // §2.1: what follows UNKNOWN is ignored up to the CRLF.
  if (line === 'PROXY UNKNOWN' || line.startsWith('PROXY UNKNOWN '))
    return header(undefined, undefined, length)
  const [, family, from, to, fromPort, toPort, ...more] = line.split(' ')
  if (family !== 'TCP4' && family !== 'TCP6') return bad('v1 protocol is not TCP4, TCP6 or UNKNOWN')
  if (more.length > 0) return bad('v1 line has too many fields')
  const source = endpoint(family, from, fromPort)
  const destination = endpoint(family, to, toPort)
  if (source === undefined || destination === undefined) return bad('v1 address or port is malformed')
  return header(source, destination, length)
}

function header(
  source: Endpoint | undefined,
  destination: Endpoint | undefined,
  length: number
): ParsedHeader {
  return {
    kind: 'header',
    header: { version: 1, local: false, source, destination, authority: undefined, alpn: undefined },
    length
  }
}

function endpoint(
  family: 'TCP4' | 'TCP6',
  address: string | undefined,
  port: string | undefined
): Endpoint | undefined {
  if (address === undefined || port === undefined || !/^(0|[1-9]\d{0,4})$/.test(port)) return undefined
  if (Number(port) > 65_535 || address.includes('%')) return undefined
  const found = parseIp(address)
  if (found === 0 || address.includes(':') !== (family === 'TCP6')) return undefined
  return { address: mappedTail(address, found), port: Number(port) }
}

/** `::ffff:192.0.2.1` counts as the IPv4 address in it; in hexadecimal spelling it stays as it is. */
function mappedTail(address: string, family: 4 | 6): string {
  return family === 4 && address.includes('.') ? address.slice(address.lastIndexOf(':') + 1) : address
}
