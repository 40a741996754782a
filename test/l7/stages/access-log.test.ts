import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { flushLogs } from '../../../src/core/log/line-sink.ts'
import { LineBytes } from '../../../src/core/log/line-bytes.ts'
import { createLogger } from '../../../src/core/log/log.ts'
import { HeaderBlock } from '../../../src/l7/message/header-block.ts'
import type { Exchange } from '../../../src/l7/exchange/exchange.ts'
import { exchangeFields } from '../../../src/l7/stages/access-log/exchange-fields.ts'
import { hundredths } from '../../../src/l7/stages/access-log/field-values.ts'
import { ExchangeLine } from '../../../src/l7/stages/access-log/exchange-line.ts'

const texts = ['/', '/a"b\\c', '/\u00e9\u0000', 'x'.repeat(600), '', 'lb; fwd=miss', '</script>\u2028']

/** An exchange as far as its line goes. */
function exchangeOf(seed: number): Exchange {
  let state = seed
  const next = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below
  const text = (): string => texts[next(texts.length)]!
  const route = next(2) === 0 ? undefined : { name: 'a "route"' }
  const logFields = next(2) === 0 ? undefined : { wouldRefuse: text(), n: 1, share: 0.25, sure: true }
  return {
    snapshot: { config: { name: 'web' } },
    route,
    request: {
      method: next(4) === 0 ? '' : 'GET',
      host: text(),
      target: text(),
      version: next(2) === 0 ? '1.1' : '2.0',
      headers: new HeaderBlock(next(2) === 0 ? '' : 'User-Agent: a "b"\r\nReferer: c\\d\r\n')
    },
    scheme: 'https',
    startedAt: 5,
    errorReason: text(),
    times:
      next(2) === 0
        ? undefined
        : { asked: next(3), queueMs: next(2), connectMs: next(3) - 1, answeredAt: next(2) * 9 },
    client: { http2: next(2) === 0 },
    clientIp: '::1',
    status: next(2) * 200,
    errorCode: next(2) === 0 ? undefined : 'LB_NO_ROUTE',
    target: next(2) === 0 ? undefined : { pool: { pool: { name: 'p' } } },
    backend: next(2) === 0 ? undefined : { name: 'unix:/run/"b"' },
    retries: next(3),
    cacheStatus: text(),
    bytesIn: next(1e9),
    bytesOut: next(1e9),
    requestId: 'ab~1',
    identity: next(2) === 0 ? undefined : { name: 'al"ice' },
    logFields: logFields && { record: logFields, list: Object.entries(logFields).flat() }
  } as unknown as Exchange
}

t.test('the line written as text is the one that an object would make', async (t) => {
  for (let seed = 1; seed <= 500; seed++) {
    const exchange = exchangeOf(seed)
    const bytes = new LineBytes()
    new ExchangeLine('web', exchange.route?.name).write(bytes, exchange, seed / 7)
    const line = textOf(bytes)
    t.same(JSON.parse(`{${line.slice(1)}}`), JSON.parse(JSON.stringify(exchangeFields(exchange, seed / 7))))
    t.match(line, /^,[ -~]*$/, 'in ASCII, whose characters are its bytes')
  }
})

t.test('numbers and texts are written as JSON.stringify does, in ASCII', async (t) => {
  const some = [0, 0.004, 0.005, 0.995, 1, 9.999, 1234.5, 1e7, 1e9, 1e21, -0.25, NaN, Infinity]
  const all = [...some, ...Array.from({ length: 2_000 }, (_, n) => n / 100), ...some.map((n) => n * 7.77)]
  t.same(
    all.filter((ms) => textOf(new LineBytes().hundredths(ms)) !== String(hundredths(ms))),
    []
  )
  const counts = [0, 9, 10, 11, 99, 100, 999_999_999, 1e9, 2 ** 53, -1, 0.5, NaN]
  t.same(
    counts.filter((n) => textOf(new LineBytes().count(n)) !== String(n)),
    []
  )
  const long = [...texts, '\ud800', '😀', '\x7f', 'a'.repeat(40_000), '\u00ff'.repeat(30_000)]
  for (const text of long) {
    const line = new LineBytes().text('[').json(text).text(']')
    t.same(JSON.parse(textOf(line)), [text])
    t.match(textOf(line), /^[\x20-\x7f]*$/)
  }
})

function textOf({ bytes, start, end }: LineBytes): string {
  return bytes.toString('latin1', start, end)
}

t.test('a line of text has level, time and base fields as every other', async (t) => {
  const file = join(t.testdir(), 'log')
  const fd = openSync(file, 'a')
  t.teardown(() => closeSync(fd))
  const log = createLogger({ fd, format: 'json', fields: { worker: 1 } })
  log.warn({ a: 1 }, 'a "word"')
  const lines = log.json!
  lines.end(lines.begin('warn', Date.now()).text(',"a":1'), 'a "word"')
  await flushLogs()
  t.same([lines.shows('debug'), lines.shows('warn')], [false, true])
  log.level = 'error'
  t.notOk(lines.shows('warn'))
  const written = readFileSync(file, 'utf8').trim().split('\n')
  t.equal(written.length, 2)
  const without = (line: string): string => line.replace(/"time":"[^"]*"/, '')
  t.equal(without(written[1]!), without(written[0]!))
  t.match(JSON.parse(written[1]!).time, /^\d{4}-/)
})
