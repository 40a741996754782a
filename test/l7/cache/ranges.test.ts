import t from 'tap'
import { Client } from './support/client.ts'
import type { FieldList } from './support/fields.ts'

const lasting: [string, string] = ['Cache-Control', 'max-age=3600']
const etag: [string, string] = ['ETag', '"v1"']
const range = (value: string): FieldList => [['Range', value]]

t.test('ranges are cut out of a complete body', (t) => {
  const client = new Client()
  client.ask(
    {},
    {
      fields: [lasting, etag, ['Date', client.date()], ['Last-Modified', client.date(-100)]],
      body: '0123456789A'
    }
  )
  const cases: [string, number, string, string | undefined][] = [
    ['bytes=0-1', 206, '01', 'bytes 0-1/11'],
    ['bytes=1-', 206, '123456789A', 'bytes 1-10/11'],
    ['bytes=-1', 206, 'A', 'bytes 10-10/11'],
    ['bytes=5-500', 206, '56789A', 'bytes 5-10/11'],
    ['bytes=-500', 206, '0123456789A', 'bytes 0-10/11'],
    ['bytes=11-', 416, '', 'bytes */11'],
    ['bytes=-0', 416, '', 'bytes */11'],
    ['bytes=2-1', 200, '0123456789A', undefined],
    ['bytes=0-0,2-3', 200, '0123456789A', undefined],
    ['lines=0-1', 200, '0123456789A', undefined]
  ]
  for (const [asked, status, body, contentRange] of cases) {
    const got = client.ask({ fields: range(asked) })
    t.strictSame(
      [got.from, got.status, got.body, got.get('content-range')],
      ['cache', status, body, contentRange],
      asked
    )
  }
  const when = (value: string) => client.ask({ fields: [...range('bytes=0-1'), ['If-Range', value]] }).status
  t.equal(when('"v1"'), 206, 'If-Range holds')
  t.equal(when('"v2"'), 200, 'If-Range does not hold')
  t.equal(when('W/"v1"'), 200, 'a weak tag never holds')
  t.equal(when(client.date(-100)), 206, 'a date holds')
  t.equal(when(client.date(-99)), 200, 'another date does not')
  t.end()
})

t.test('a part is stored and answers ranges within it', (t) => {
  const client = new Client()
  const part: FieldList = [lasting, ['Content-Range', 'bytes 5-9/10']]
  client.ask({ fields: range('bytes=-5') }, { status: 206, fields: part, body: '56789' })
  t.equal(client.seen[0]?.get('range'), 'bytes=-5')
  for (const [asked, body, contentRange] of [
    ['bytes=-5', '56789', 'bytes 5-9/10'],
    ['bytes=6-8', '678', 'bytes 6-8/10'],
    ['bytes=6-', '6789', 'bytes 6-9/10'],
    ['bytes=-1', '9', 'bytes 9-9/10']
  ] as const) {
    const got = client.ask({ fields: range(asked) })
    t.strictSame(
      [got.from, got.status, got.body, got.get('content-range')],
      ['cache', 206, body, contentRange],
      asked
    )
  }
  t.equal(
    client.ask({ fields: range('bytes=4-6') }, { status: 206, body: '456' }).from,
    'origin',
    'not within'
  )
  t.equal(client.ask({}, { body: '0123456789' }).from, 'origin', 'not the whole')
  t.end()
})

t.test('a part that contradicts its Content-Range is not stored', (t) => {
  const client = new Client()
  const part: FieldList = [lasting, ['Content-Range', 'bytes 4-9/10']]
  client.ask({ fields: range('bytes=-5') }, { status: 206, fields: part, body: '01234' })
  t.equal(client.ask({ fields: range('bytes=6-8') }).from, 'origin')
  t.end()
})

/** An origin that answers ranges of one body. */
function serving(client: Client, body: string, tag: string): void {
  client.origin = (seen) => {
    const asked = /^bytes=(\d+)-(\d*)$/.exec(seen.get('range') ?? '')
    const current = seen.get('if-range') === undefined || seen.get('if-range') === tag
    if (asked === null || !current) return { fields: [lasting, ['ETag', tag]], body }
    const last = asked[2] === '' ? body.length - 1 : Number(asked[2])
    const contentRange = `bytes ${asked[1]}-${last}/${body.length}`
    return {
      status: 206,
      fields: [lasting, ['ETag', tag], ['Content-Range', contentRange]],
      body: body.slice(Number(asked[1]), last + 1)
    }
  }
}

t.test('parts under one strong tag grow together, and make the whole', (t) => {
  const client = new Client()
  serving(client, '0123456789', '"v1"')
  const ask = (asked: string) => client.ask({ fields: range(asked) })
  ask('bytes=4-5')
  ask('bytes=6-7')
  t.strictSame([ask('bytes=4-7').from, ask('bytes=4-7').body], ['cache', '4567'])
  ask('bytes=2-4')
  t.strictSame([ask('bytes=2-7').from, ask('bytes=2-7').body], ['cache', '234567'])
  ask('bytes=0-3')
  ask('bytes=7-9')
  const whole = client.ask()
  t.strictSame([whole.from, whole.status, whole.body], ['cache', 200, '0123456789'])
  t.equal(whole.get('content-range'), undefined)
  t.end()
})

t.test('a stored beginning is completed for a request of the whole', (t) => {
  const client = new Client()
  serving(client, '0123456789', '"v1"')
  client.ask({ fields: range('bytes=0-3') })
  const whole = client.ask()
  t.strictSame([whole.from, whole.status, whole.body], ['origin', 200, '0123456789'])
  t.strictSame([client.seen[1]?.get('range'), client.seen[1]?.get('if-range')], ['bytes=4-', '"v1"'])
  t.strictSame([client.ask().from, client.ask().body], ['cache', '0123456789'])

  const changed = new Client()
  serving(changed, '0123456789', '"v1"')
  changed.ask({ fields: range('bytes=0-3') })
  serving(changed, 'abcdefghij', '"v2"')
  t.equal(changed.ask().body, 'abcdefghij', 'it changed meanwhile')
  t.equal(changed.ask().body, 'abcdefghij')
  t.end()
})

t.test('parts without a strong tag are not combined', (t) => {
  const client = new Client()
  serving(client, '0123456789', 'W/"v1"')
  client.ask({ fields: range('bytes=0-3') })
  client.ask()
  t.equal(client.seen[1]?.get('range'), undefined)
  t.end()
})
