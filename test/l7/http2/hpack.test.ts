import fc from 'fast-check'
import t from 'tap'
import { Decoder } from '../../../src/l7/http2/hpack/decoder.ts'
import type { TableEntry } from '../../../src/l7/http2/hpack/decoder-table.ts'
import { MALFORMED } from '../../../src/l7/http2/hpack/field-marks.ts'
import { encodedBound, Encoder } from '../../../src/l7/http2/hpack/encoder.ts'
import { block } from './wire.ts'

type Pairs = (readonly [string, string])[]

function decode(decoder: Decoder, bytes: Buffer, maxList = 65_536): Pairs | undefined {
  const fields: Pairs = []
  const ok = decoder.decode(bytes, 0, bytes.length, maxList, {
    onField: ({ name, value }: TableEntry) => void fields.push([name, value])
  })
  return ok ? fields : undefined
}

function encode(encoder: Encoder, status: number, fields: Pairs, length = -1): Buffer {
  const text = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const bytes = Buffer.alloc(encodedBound(text))
  let at = encoder.begin(bytes, 0)
  at = encoder.status(bytes, at, status)
  at = encoder.lines(bytes, at, text)
  if (length >= 0) at = encoder.length(bytes, at, length)
  t.ok(at <= bytes.length, 'within the bound')
  return bytes.subarray(0, at)
}

t.test('the examples of RFC 7541 appendix C decode, through one table each', async (t) => {
  const first: Pairs = [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com']
  ]
  const second: Pairs = [...first, ['cache-control', 'no-cache']]
  const third: Pairs = [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/index.html'],
    [':authority', 'www.example.com'],
    ['custom-key', 'custom-value']
  ]
  const plain = ['828684410f7777772e6578616d706c652e636f6d', '828684be58086e6f2d6361636865', '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565'] // prettier-ignore
  const huffman = ['828684418cf1e3c2e5f23a6ba0ab90f4ff', '828684be5886a8eb10649cbf', '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf'] // prettier-ignore
  for (const examples of [plain, huffman]) {
    const decoder = new Decoder()
    const decoded = examples.map((hex) => decode(decoder, Buffer.from(hex, 'hex')))
    t.strictSame(decoded, [first, second, third])
  }
})

t.test(
  'a size update stands at the beginning of a section and below the limit, or the section is refused',
  async (t) => {
    t.strictSame(decode(new Decoder(), Buffer.from('203fe11f82', 'hex')), [[':method', 'GET']])
    t.equal(decode(new Decoder(), Buffer.from('3fe21f82', 'hex')), undefined, '4097 is too large')
    t.equal(decode(new Decoder(), Buffer.from('8220', 'hex')), undefined, 'behind a field')
  }
)

t.test('malformed HPACK is refused: index 0, beyond the table, cut short, EOS, long padding', async (t) => {
  for (const hex of [
    '80',
    'be',
    'ff',
    'ffffffffff7f',
    '40',
    '0001',
    '000161',
    '00016184',
    '0081ff',
    '0084fffffffc',
    '00836161',
    '0001618207ff'
  ]) {
    t.equal(decode(new Decoder(), Buffer.from(hex, 'hex')), undefined, hex)
  }
})

const token = fc.string({
  unit: fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz0123456789-_.!#$%&'*+^`|~"),
  minLength: 1,
  maxLength: 40
})
const text = fc
  .string({
    unit: fc
      .integer({ min: 0x20, max: 0xff })
      .filter((c) => c !== 0x7f)
      .map((c) => String.fromCharCode(c)),
    maxLength: 200
  })
  .map((value) => value.trim())
  .filter((value) => !/^[ \t]|[ \t]$/.test(value))
const field = fc.oneof(
  fc.tuple(token, text),
  fc.constantFrom<[string, string]>(
    ['server', 'a'],
    ['server', 'b'],
    ['date', 'now'],
    ['set-cookie', 'a=1'],
    ['authorization', 'x'],
    ['etag', '"1"']
  )
)
const hopByHop = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])

t.test('our decoder reads what our encoder wrote, whatever the table sizes', async (t) => {
  const step = fc.record({
    fields: fc.array(field, { maxLength: 12 }),
    sizes: fc.array(fc.constantFrom(0, 31, 64, 200, 4096, 100_000), { maxLength: 2 })
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const encoder = new Encoder()
      const decoder = new Decoder()
      for (const { fields, sizes } of steps) {
        for (const size of sizes) encoder.resize(size)
        const kept = fields.filter(([name]) => !hopByHop.has(name))
        const read = decode(decoder, encode(encoder, 207, fields))
        t.strictSame(read, [[':status', '207'], ...kept])
      }
    }),
    { numRuns: 150 }
  )
})

t.test(
  'sections that come again in any order, with other tables and lengths in between, are read as they are',
  async (t) => {
    const sections = fc.array(fc.array(field, { maxLength: 8 }), { minLength: 1, maxLength: 3 })
    const steps = fc.array(
      fc.record({
        section: fc.nat(2),
        times: fc.integer({ min: 1, max: 4 }),
        length: fc.constantFrom(-1, 0, 100, 123_456_789),
        size: fc.constantFrom(-1, -1, -1, 0, 64, 200, 4096)
      }),
      { maxLength: 12 }
    )
    fc.assert(
      fc.property(sections, steps, (sections, steps) => {
        const encoder = new Encoder()
        const decoder = new Decoder()
        for (const { section, times, length, size } of steps) {
          if (size >= 0) encoder.resize(size)
          const fields = sections[section % sections.length]!
          const sent: Pairs = fields.filter(([name]) => !hopByHop.has(name))
          if (length >= 0) sent.push(['content-length', String(length)])
          for (let i = 0; i < times; i++) {
            const read = decode(decoder, encode(encoder, 200, fields, length))
            t.strictSame(read, [[':status', '200'], ...sent])
          }
        }
      }),
      { numRuns: 150 }
    )
  }
)

t.test('a value that comes a third time is one index; secrets never enter the table', async (t) => {
  const encoder = new Encoder()
  const fields: Pairs = [
    ['x-powered-by', 'a-value'],
    ['cookie', 'a=1'],
    ['set-cookie', 'b=2'],
    ['authorization', 'c']
  ]
  const sizes = [1, 2, 3].map(() => encode(encoder, 200, fields).length)
  t.ok(sizes[2]! < sizes[0]! - 15)
  const last = encode(encoder, 200, fields)
  t.equal(last.length, sizes[2])
  t.equal(last[2]! & 0xf0, 0x10, 'literal, never indexed')
})

t.test(
  'no bytes make the decoder throw, and over the limit it makes no string but keeps its table',
  async (t) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 5000 }), (bytes, limit) => {
        decode(new Decoder(), Buffer.from(bytes), limit)
      }),
      { numRuns: 3000 }
    )
    const decoder = new Decoder()
    const named = Buffer.concat([Buffer.from([0x40]), block([['name', 'value']]).subarray(1)])
    t.strictSame(decode(decoder, named, 0), [], 'told nothing')
    t.ok(decoder.overflowed)
    t.strictSame(decode(decoder, Buffer.from([0xbe])), [['name', 'value']], 'entered all the same')
  }
)

t.test('an HPACK bomb costs its bytes and no more', async (t) => {
  const decoder = new Decoder()
  const big = Buffer.concat([Buffer.from([0x40]), block([['name', 'v'.repeat(4000)]]).subarray(1)])
  decode(decoder, big)
  const before = process.memoryUsage().heapUsed
  const fields = decode(decoder, Buffer.alloc(60_000, 0xbe), 65_536)!
  t.ok(fields.length <= 17)
  t.ok(decoder.overflowed)
  t.ok(process.memoryUsage().heapUsed - before < 8e6)
})

t.test('a name or value that may not stand there is marked, also when it comes by its index', async (t) => {
  const bad: Pairs = [['Name', 'v'], ['na me', 'v'], ['', 'v'], [':', 'v'], ['a:b', 'v'], ['n', ' v'], ['n', 'v\t'], ['n', 'a\nb'], ['n', 'a\rb'], ['n', 'a\0b'], ['n\x80', 'v']] // prettier-ignore
  for (const [name, value] of bad) {
    const decoder = new Decoder()
    const marks: number[] = []
    const sink = { onField: (entry: TableEntry) => void marks.push(entry.marks) }
    const bytes = Buffer.concat([
      Buffer.from([0x40]),
      block([[name, value]]).subarray(1),
      Buffer.from([0xbe])
    ])
    t.ok(decoder.decode(bytes, 0, bytes.length, 65_536, sink))
    t.strictSame(marks, [MALFORMED, MALFORMED], JSON.stringify([name, value]))
  }
})
