import type { Seeded } from './seeded.ts'

/** Bytes that parsers stumble over. */
const BYTES = [
  0, 9, 10, 11, 12, 13, 32, 34, 35, 43, 44, 45, 48, 49, 57, 58, 59, 61, 92, 65, 97, 102, 127, 128, 160, 255
]
const SEQUENCES = [
  '\r\n',
  '\r\n\r\n',
  '\n\n',
  '\r',
  ' ',
  '\t',
  '0\r\n\r\n',
  ':',
  ' :',
  ';a=b',
  '\r\n ',
  'chunked',
  ', '
]

/** A copy of `bytes` with one to four changes: a byte put in, taken out, replaced, doubled, or two parts swapped. */
export function mutate(bytes: Buffer, random: Seeded): Buffer {
  let out = bytes
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = random.below(out.length + 1)
    const head = out.subarray(0, at)
    const tail = out.subarray(at)
    switch (random.below(6)) {
      case 0:
        out = Buffer.concat([head, Buffer.of(random.of(BYTES)), tail])
        break
      case 1:
        out = Buffer.concat([head, tail.subarray(1 + random.below(3))])
        break
      case 2:
        out = Buffer.concat([
          head,
          Buffer.of(random.chance(0.5) ? random.of(BYTES) : random.below(256)),
          tail.subarray(1)
        ])
        break
      case 3:
        out = Buffer.concat([head, Buffer.from(random.of(SEQUENCES), 'latin1'), tail])
        break
      case 4: {
        // A line, or a part of one, a second time.
        const length = 1 + random.below(24)
        out = Buffer.concat([head, tail.subarray(0, length), tail])
        break
      }
      default: {
        const cut = random.below(tail.length + 1)
        out = Buffer.concat([head, tail.subarray(cut), tail.subarray(0, cut)])
      }
    }
  }
  return out
}
