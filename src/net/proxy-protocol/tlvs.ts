import { crc32c } from './crc32c.ts'

/** §2.2.1 – §2.2.7. Types not named here are skipped. */
export const PP2_TYPE_ALPN = 0x01
export const PP2_TYPE_AUTHORITY = 0x02
export const PP2_TYPE_CRC32C = 0x03
export const PP2_TYPE_SSL = 0x20

/** §2.2.2 allows UTF-8 in a host name; DNS names have at most 253 bytes, ALPN names 255. */
const MAX_TEXT = 255

/** Type, length in two bytes, value. */
export function tlv(type: number, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 255]), value])
}

export interface Tlvs {
  readonly authority: string | undefined
  readonly alpn: string | undefined
}

export const NO_TLVS: Tlvs = { authority: undefined, alpn: undefined }

/**
 * The type-length-value fields in `at..end` of the header that begins at `start`, or what is wrong with them. Bounded
 * by the header's length; a wrong checksum is refused, as §2.2.3 demands.
 */
export function readTlvs(buffer: Buffer, start: number, at: number, end: number): Tlvs | string {
  let authority: string | undefined
  let alpn: string | undefined
  while (at < end) {
    if (end - at < 3) return 'v2 TLV is cut off'
    const type = buffer[at]!
    const from = at + 3
    const to = from + buffer.readUInt16BE(at + 1)
    if (to > end) return 'v2 TLV is longer than the header'
    if (type === PP2_TYPE_CRC32C) {
      if (to - from !== 4) return 'v2 checksum does not have four bytes'
      if (!checksumFits(buffer, start, from, end)) return 'v2 checksum is wrong'
    } else if (type === PP2_TYPE_AUTHORITY && to - from <= MAX_TEXT) {
      authority = buffer.toString('utf8', from, to)
    } else if (type === PP2_TYPE_ALPN && to - from <= MAX_TEXT) {
      alpn = buffer.toString('latin1', from, to)
    }
    at = to
  }
  return { authority, alpn }
}

function checksumFits(buffer: Buffer, start: number, at: number, end: number): boolean {
  const sum = buffer.readUInt32BE(at)
  const zeroed = Buffer.from(buffer.subarray(start, end))
  zeroed.fill(0, at - start, at - start + 4)
  return crc32c(zeroed) === sum
}
