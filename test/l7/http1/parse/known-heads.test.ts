import fc from 'fast-check'
import t from 'tap'
import { parseFailure } from '../../../../src/l7/http1/parse/parse-failure.ts'
import { parseRequest } from '../../../../src/l7/http1/parse/request-parser.ts'
import { KnownHeads, parsedResponse, parseResponse } from '../../../../src/l7/http1/parse/response-parser.ts'

const head = fc.record({
  status: fc.constantFrom(200, 204, 206, 304, 404),
  length: fc.constantFrom(undefined, 0, 5, 100),
  server: fc.constantFrom('a', 'b', 'cc'),
  connection: fc.constantFrom(undefined, 'close', 'keep-alive'),
  // Over what is kept, and just below.
  padding: fc.constantFrom(0, 0, 0, 900, 2000)
})

t.test(
  'whatever heads were read before, a head is read as its bytes say, also when its fields were changed',
  async (t) => {
    const steps = fc.array(
      fc.record({
        at: fc.nat(4),
        times: fc.integer({ min: 1, max: 4 }),
        toHead: fc.boolean(),
        before: fc.nat(3)
      }),
      { maxLength: 40 }
    )
    fc.assert(
      fc.property(fc.array(head, { minLength: 1, maxLength: 5 }), steps, (heads, steps) => {
        for (const { at, times, toHead, before } of steps) {
          const { status, length, server, connection, padding } = heads[at % heads.length]!
          const fields = `Server: ${server}\r\nX: p${'p'.repeat(padding)}\r\n`
          const hop =
            (length === undefined ? '' : `Content-Length: ${length}\r\n`) +
            (connection === undefined ? '' : `Connection: ${connection}\r\n`)
          const bytes = `HTTP/1.1 ${status} Fine\r\n${fields}${hop}\r\n`
          const buffer = Buffer.from(`${'x'.repeat(before)}${bytes}body`)
          for (let i = 0; i < times; i++) {
            const short = before + bytes.length - 1
            t.equal(parseResponse(buffer, before, short, toHead), 0, 'a byte is missing')
            t.equal(parseResponse(buffer, before, buffer.length, toHead), before + bytes.length)
            const parsed = parsedResponse()
            const bodiless = toHead || status === 204 || status === 304
            t.equal(parsed.status, status)
            t.equal(parsed.headers.text, fields)
            t.equal(parsed.bodyLength, length ?? -1)
            t.equal(parsed.untilClose, length === undefined && !bodiless)
            t.equal(parsed.keepAlive, connection !== 'close')
            parsed.headers.append('X-More', String(i))
          }
        }
      }),
      { numRuns: 60 }
    )
  }
)

t.test('heads that come again are found again after any number that came once', async (t) => {
  const known = new KnownHeads<string>()
  const read = (text: string): boolean => {
    const bytes = Buffer.from(`${text}\r\n`)
    if (known.find(bytes, 0, bytes.length) > 0) return known.found === text
    if (known.isWorth(bytes.length)) known.keep(bytes, 0, bytes.length, text)
    return false
  }
  for (const once of [0, 1, 15, 16, 17, 63, 64, 65, 1000]) {
    for (let i = 0; i < once; i++) t.notOk(read(`${once} ${String(i).padStart(6)}`), 'came once')
    let found = 0
    for (let i = 0; i < 100; i++) if (read(`again ${once}`)) found++
    t.ok(found > 30, `${found} of 100 after ${once}`)
  }
})

t.test('what is no request line is told apart from a TLS handshake', async (t) => {
  const limits = { headBytes: 4096, headerCount: 50, urlBytes: 100 }
  const reason = (bytes: Buffer): string => parseFailure(parseRequest(bytes, 0, bytes.length, limits)).reason
  t.match(reason(Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3])), 'a TLS handshake')
  t.match(reason(Buffer.from([22])), 'a TLS handshake')
  t.equal(reason(Buffer.from([23, 3, 1])), 'malformed request line')
})
