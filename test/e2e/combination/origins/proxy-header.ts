import type { Socket } from 'node:net'

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const FIXED = 16
const PP2_TYPE_SSL = 0x20
/** Bytes of both ends, by the family. */
const ADDRESSES: Readonly<Record<number, number>> = { 0: 0, 1: 12, 2: 36 }

/** What a header says of the client's TLS. */
export interface ToldTls {
  readonly version: string
  readonly cipher: string
  /** A certificate was shown, and verified. */
  readonly verified: boolean
}

/** In a header of version 2 without its first sixteen bytes. */
function tlsIn(family: number, rest: Buffer): ToldTls | undefined {
  const value = tlvsIn(rest.subarray(ADDRESSES[family >> 4])).get(PP2_TYPE_SSL)
  if (value === undefined) return undefined
  const parts = tlvsIn(value.subarray(5))
  const text = (type: number): string => parts.get(type)?.toString('latin1') ?? ''
  return { version: text(0x21), cipher: text(0x23), verified: value.readUInt32BE(1) === 0 && (value[0]! & 2) !== 0 }
} // prettier-ignore

function tlvsIn(bytes: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>()
  for (let at = 0; at < bytes.length;) {
    const end = at + 3 + bytes.readUInt16BE(at + 1)
    if (end > bytes.length) throw new Error(`a TLV beyond the header: ${bytes.toString('hex')}`)
    found.set(bytes[at]!, bytes.subarray(at + 3, end))
    at = end
  }
  return found
}

/** Takes the PROXY header of version 2 off a connection, then calls `next`; what does not begin with one is closed. */
export function afterProxyHeader(raw: Socket, next: (tls: ToldTls | undefined) => void): void {
  let family = 0
  let left: number | undefined
  const read = (): void => {
    if (left === undefined) {
      const fixed = raw.read(FIXED) as Buffer | null
      if (fixed === null) return
      if (!fixed.subarray(0, 12).equals(SIGNATURE)) return void raw.destroy(new Error('no PROXY header'))
      family = fixed[13]!
      left = fixed.readUInt16BE(14)
    }
    const rest = left > 0 ? (raw.read(left) as Buffer | null) : Buffer.alloc(0)
    if (rest === null) return
    raw.off('readable', read)
    next(tlsIn(family, rest))
  }
  raw.on('readable', read)
}
