/** What the origins answer, known to them and to the checks. */

export const smallBody = `${'x'.repeat(99)}\n`
export const cacheableBody = `${'c'.repeat(1023)}\n`

/** Bytes that differ along the body, so that a piece lost, doubled or out of place shows. */
export function patternBody(bytes: number): Buffer {
  const body = Buffer.allocUnsafe(bytes)
  for (let at = 0; at < bytes; at++) body[at] = 33 + ((at * 7 + (at >> 8)) % 90)
  return body
}

/** 39 KB as an API lists its records: words that come back, numbers that do not. */
export function jsonBody(): Buffer {
  let seed = 1
  const below = (most: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((seed / 2 ** 32) * most)
  }
  const names = [
    'Ada',
    'Grace',
    'Edsger',
    'Barbara',
    'Donald',
    'Radia',
    'Leslie',
    'Frances',
    'Niklaus',
    'Tony'
  ]
  const words = [
    'amber',
    'basalt',
    'cedar',
    'delta',
    'ember',
    'fjord',
    'grove',
    'harbour',
    'island',
    'juniper'
  ]
  const records = Array.from({ length: 132 }, (_, id) => ({
    id: 100_000 + id,
    key: Array.from({ length: 4 }, () =>
      below(2 ** 32)
        .toString(16)
        .padStart(8, '0')
    ).join('-'),
    name: `${names[below(10)]!} ${words[below(10)]!}`,
    email: `${names[below(10)]!.toLowerCase()}.${below(9999)}@example.com`,
    active: below(3) > 0,
    balance: below(1_000_000) / 100,
    createdAt: new Date(1_600_000_000_000 + below(2 ** 31) * 50).toISOString(),
    tags: Array.from({ length: 1 + below(4) }, () => words[below(10)]!),
    text: Array.from({ length: 6 }, () => words[below(10)]!).join(' ')
  }))
  return Buffer.from(JSON.stringify({ total: records.length, records }))
}

export const fileSizes = { '/64k': 64 * 1024, '/1m': 1024 * 1024 } as const

/** The one call of the gRPC scenarios. */
export const GRPC_PATH = '/bench.Echo/Unary'
/** A message of 27 bytes, not compressed, behind its prefix of five: request and answer. */
export const grpcMessage = Buffer.concat([Buffer.from([0, 0, 0, 0, 27]), Buffer.alloc(27, 'm')])
