import type { Endpoint } from '../dial/endpoint.ts'
import { formatIp } from './format-ip.ts'
import { bad, MORE, type ParsedHeader } from './header.ts'
import { NO_TLVS, readTlvs } from './tlvs.ts'

/** §2.2: no protocol whose client speaks first begins with it. */
export const V2_SIGNATURE = Buffer.from([13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10])

/** The length field allows 65,535; real headers have some hundred bytes, except those with client certificates. */
export const V2_MAX_BYTES = 4_096

const FIXED = 16
const LOCAL = 0
const PROXY = 1
/** Bytes of the address block by address family: UNSPEC, INET, INET6, UNIX. */
const ADDRESS_BYTES = [0, 12, 36, 216]
const UNSPEC = 0
const INET = 1
const INET6 = 2

/** Parses the binary header that begins at `start`. Bytes after it are ignored. */
export function parseV2(buffer: Buffer, start: number, end: number): ParsedHeader {
  if (end - start < FIXED) return MORE
  const versionAndCommand = buffer[start + 12]!
  const command = versionAndCommand & 15
  if (versionAndCommand >> 4 !== 2) return bad('v2 version is not 2')
  if (command !== LOCAL && command !== PROXY) return bad('v2 command is neither LOCAL nor PROXY')
  const size = buffer.readUInt16BE(start + 14)
  const length = FIXED + size
  if (length > V2_MAX_BYTES) return bad(`v2 header of ${length} bytes is over ${V2_MAX_BYTES}`)
  // §2.2: of a LOCAL header only the length counts.
  const family = buffer[start + 13]! >> 4
  const transport = buffer[start + 13]! & 15
  if (command === PROXY && (family > 3 || transport > 2)) return bad('v2 address family is unknown')
  const addressBytes = command === LOCAL ? 0 : ADDRESS_BYTES[family]!
  if (size < addressBytes) return bad('v2 header is too short for its addresses')
  if (end - start < length) return MORE

  if (command === LOCAL) return header(true, undefined, undefined, undefined, undefined, length)
  // §2.2: the sender may put anything after an unspecified address.
  const found = readTlvs(buffer, start, start + FIXED + addressBytes, start + length)
  if (typeof found === 'string' && family !== UNSPEC) return bad(found)
  const tlvs = typeof found === 'string' ? NO_TLVS : found
  const at = start + FIXED
  if (family !== INET && family !== INET6) {
    return header(false, undefined, undefined, tlvs.authority, tlvs.alpn, length)
  }
  const bytes = family === INET ? 4 : 16
  const source = endpoint(buffer, at, bytes, at + 2 * bytes)
  const destination = endpoint(buffer, at + bytes, bytes, at + 2 * bytes + 2)
  return header(false, source, destination, tlvs.authority, tlvs.alpn, length)
}

function endpoint(buffer: Buffer, at: number, bytes: number, portAt: number): Endpoint {
  return { address: formatIp(buffer, at, bytes), port: buffer.readUInt16BE(portAt) }
}

function header(
  local: boolean,
  source: Endpoint | undefined,
  destination: Endpoint | undefined,
  authority: string | undefined,
  alpn: string | undefined,
  length: number
): ParsedHeader {
  return { kind: 'header', header: { version: 2, local, source, destination, authority, alpn }, length }
}
