import fc from 'fast-check'
import t from 'tap'
import { Pieces } from '../../src/net/transport/pieces.ts'

// Two octets of every piece say its number, so that an order that is lost shows.
const piece = (at: number, size: number): Buffer => Buffer.alloc(size, `${at % 10}${at % 7}`)

t.test('what goes in comes out, in its order, whatever the sizes', async () => {
  const size = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3000 }), fc.constantFrom(1023, 1024, 8191, 8192, 20_000)) // prettier-ignore
  const step = fc.record({ how: fc.constantFrom('add', 'add', 'add', 'give', 'shift', 'cut'), size })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const pieces = new Pieces()
      const [put, got]: [Buffer[], Buffer[]] = [[], []]
      for (const [at, { how, size }] of steps.entries()) {
        const bytes = piece(at, size)
        if (how === 'give') pieces.give(bytes)
        else if (how === 'add') {
          const around = Buffer.concat([Buffer.from('<'), bytes, Buffer.from('>')])
          pieces.add(around, 1, 1 + size)
          around.fill(33)
        } else {
          const first = pieces.first()
          if (first === undefined) continue
          // A copy: what is taken is valid until then, whatever comes behind it.
          if (how === 'shift') got.push(Buffer.from(pieces.shift()!))
          else if (size > 0 && size < first.length) {
            got.push(Buffer.from(first.subarray(0, size)))
            pieces.cut(size)
          }
          continue
        }
        put.push(bytes)
      }
      got.push(...pieces.take().map((each) => Buffer.from(each)))
      return Buffer.concat(got).equals(Buffer.concat(put)) && pieces.list.length === 0
    })
  )
})

t.test(
  'octet by octet it takes no more buffers than by blocks, and large pieces are not copied',
  async (t) => {
    const pieces = new Pieces()
    for (let i = 0; i < 65_536; i++) pieces.add(Buffer.from('a'), 0, 1)
    t.ok(pieces.list.length <= 9, `${pieces.list.length} buffers`)
    const large = Buffer.alloc(20_000)
    pieces.give(large)
    t.equal(pieces.list.at(-1), large)
  }
)
