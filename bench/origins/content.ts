/** What the origins answer, known to them and to the checks. */

export const smallBody = `${'x'.repeat(99)}\n`
export const cacheableBody = `${'c'.repeat(1023)}\n`

/** Bytes that differ along the body, so that a piece lost, doubled or out of place shows. */
export function patternBody(bytes: number): Buffer {
  const body = Buffer.allocUnsafe(bytes)
  for (let at = 0; at < bytes; at++) body[at] = 33 + ((at * 7 + (at >> 8)) % 90)
  return body
}

export const fileSizes = { '/64k': 64 * 1024, '/1m': 1024 * 1024 } as const
