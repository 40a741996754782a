import type { Socket } from 'node:net'

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const FIXED = 16

/** Takes the PROXY header of version 2 off a connection, then calls `next`; what does not begin with one is closed. */
export function afterProxyHeader(raw: Socket, next: () => void): void {
  let left: number | undefined
  const read = (): void => {
    if (left === undefined) {
      const fixed = raw.read(FIXED) as Buffer | null
      if (fixed === null) return
      if (!fixed.subarray(0, 12).equals(SIGNATURE)) return void raw.destroy(new Error('no PROXY header'))
      left = fixed.readUInt16BE(14)
    }
    if (left > 0 && raw.read(left) === null) return
    raw.off('readable', read)
    next()
  }
  raw.on('readable', read)
}
