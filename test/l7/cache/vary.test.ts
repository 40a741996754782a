import t from 'tap'
import { Client } from './support/client.ts'
import type { FieldList } from './support/fields.ts'

const life: [string, string] = ['Cache-Control', 'max-age=600']
const vary = (names: string): [string, string] => ['Vary', names]
const many = (first: number, count: number) =>
  Array.from({ length: count }, (_, i) => `X-N${first + i}`).join(', ')

t.test('a response that varies by too many fields is not stored', (t) => {
  const client = new Client()
  const secret = { fields: [life, vary(many(0, 17))], body: 'of one' }
  t.equal(client.ask({ fields: [['X-N16', 'one']] }, secret).body, 'of one')
  t.equal(client.ask({ fields: [['X-N16', 'two']] }, { ...secret, body: 'of two' }).body, 'of two')
  t.match(client.ask({}, secret).get('cache-status'), /detail=vary$/)
  t.end()
})

t.test('lists that are too long together are not stored together', (t) => {
  const client = new Client()
  client.ask({}, { fields: [life, vary(many(0, 10))], body: 'first' })
  const other: FieldList = [['X-N0', 'b']]
  const union = client.ask({ fields: other }, { fields: [life, vary(many(10, 10))], body: 'second' })
  t.match(union.get('cache-status'), /detail=vary$/)
  const asked: FieldList = [...other, ['X-N19', 'c']]
  t.equal(client.ask({ fields: asked }, { fields: [life], body: 'third' }).body, 'third')
  t.equal(client.ask({}, { body: 'x' }).body, 'first', 'what was stored before stays')
  t.end()
})

t.test('what differs with every request is not stored', (t) => {
  for (const name of ['X-Request-Id', 'traceparent', 'Accept, X-REQUEST-ID']) {
    const client = new Client()
    client.ask({}, { fields: [life, vary(name)] })
    t.equal(client.ask().from, 'origin', name)
  }
  t.end()
})

t.test('a part has the variants of the whole', (t) => {
  const client = new Client()
  const part = (body: string) => ({
    status: 206,
    fields: [life, vary('X-User'), ['ETag', `"${body}"`], ['Content-Range', 'bytes 0-2/9']] as FieldList,
    body
  })
  const range: [string, string] = ['Range', 'bytes=0-2']
  client.ask({ fields: [range, ['X-User', 'a']] }, part('aaa'))
  const other = client.ask({ fields: [range, ['X-User', 'b']] }, part('bbb'))
  t.strictSame([other.from, other.body], ['origin', 'bbb'])
  const same = client.ask({ fields: [range, ['X-User', 'a']] }, part('ccc'))
  t.strictSame([same.from, same.body], ['cache', 'aaa'])
  t.end()
})

t.test('a 304 or HEAD that begins to vary ends what was for all', (t) => {
  const etag: [string, string] = ['ETag', '"1"']
  const stale: [string, string] = ['Cache-Control', 'max-age=1']
  for (const [method, status] of [
    ['GET', 304],
    ['HEAD', 200]
  ] as const) {
    const client = new Client()
    client.ask({}, { fields: [stale, etag], body: 'page' })
    client.pause(2)
    client.ask({ method, fields: [['X-User', 'a']] }, { status, fields: [life, etag, vary('X-User')] })
    const other = client.ask({ fields: [['X-User', 'b']] }, { fields: [life], body: 'of b' })
    t.strictSame([other.from, other.body], ['origin', 'of b'], method)
  }
  t.end()
})

t.test('a field that lb writes is compared as upstream gets it', (t) => {
  const client = new Client()
  const ask = (sent: string, body: string) => {
    const base = client.request({ fields: [['X-Forwarded-For', 'spoofed']] })
    const decision = client.cache.lookup({ ...base, sent: { get: () => sent } }, client.now)
    if (decision.kind !== 'fetch') return decision.kind
    const headers = new Map([
      ['cache-control', 'max-age=600'],
      ['vary', 'X-Forwarded-For']
    ])
    const result = decision.onResponse(
      { status: 200, headers: { get: (name) => headers.get(name), forEach: () => {} } },
      body.length,
      client.now
    )
    if (result.kind === 'pass') result.writer?.finish()
    return body
  }
  ask('1.1.1.1', '')
  t.equal(ask('1.1.1.1', ''), 'hit')
  t.equal(ask('2.2.2.2', 'other'), 'other')
  t.end()
})

t.test('weights that servers read differently are compared as they stand', (t) => {
  const client = new Client()
  const language = (value: string) => ({ fields: [['Accept-Language', value]] as FieldList })
  client.ask(language('en;q=none'), { fields: [life, vary('Accept-Language')], body: 'a' })
  t.equal(client.ask(language('en;q=0'), { fields: [life], body: 'b' }).body, 'b')
  client.ask(language('de, en;q=0.5'), { fields: [life], body: 'c' })
  t.equal(client.ask(language('DE,en; q=0.50')).body, 'c', 'the same in another spelling')
  for (const name of ['constructor', '__proto__', 'toString'])
    t.equal(client.ask(language(name), { fields: [life], body: name }).body, name)
  t.end()
})
