import { randomFillSync } from 'node:crypto'

const POOL_BYTES = 4096

const bytes = Buffer.allocUnsafe(POOL_BYTES)
let pool = ''
let next = 0

/**
 * `digits` hexadecimal digits (at most 64) from the system's CSPRNG. They are cut from a pool that is filled 4 KiB at
 * a time: about 30 ns for 32 digits. A string that is kept
 * holds its pool of 8 KB with it until it is copied into something longer, which writing it out does.
 */
export function randomHex(digits: number): string {
  if (next + digits > pool.length) {
    randomFillSync(bytes)
    pool = bytes.toString('hex')
    next = 0
  }
  const at = next
  next += digits
  return pool.slice(at, next)
}
