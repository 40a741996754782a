import t from 'tap'
import { FakeClock } from '../../fakes/fake-clock.ts'
import { Metrics } from '../../../src/core/metrics/metrics.ts'
import { CacheAdmin } from '../../../src/l7/cache/cache-admin.ts'
import { MainCaches } from '../../../src/l7/cache/main-caches.ts'
import { MapStore } from '../../fakes/map-store.ts'
import { ThreadCaches } from '../../../src/l7/cache/thread-caches.ts'
import type { RouteCache } from '../../../src/config/model/model.ts'
import { explainStoring } from '../../../src/l7/cache/decide/explain-storing.ts'
import type { Ask } from './support/client.ts'
import { Client, routeCache } from './support/client.ts'
import type { FieldList } from './support/fields.ts'
import { get } from './support/store-contract.ts'

const lasting = [['Cache-Control', 'max-age=60']] as const

t.test('an operator purges by URL with every variant, by prefix, by tag, and all', (t) => {
  const client = new Client({ key: { ignoreQuery: ['utm_*'], sortQuery: true, headers: [], cookies: [] } })
  const admin = new CacheAdmin(client.store, () => [client.cache.keys])
  const fill = () => {
    for (const foo of ['1', '2'])
      client.ask(
        { path: '/v', fields: [['Foo', foo]] },
        { fields: [...lasting, ['Vary', 'Foo'], ['Surrogate-Key', 'a b']] }
      )
    client.ask({ path: '/s/1', query: 'b=2&a=1&utm_x=3' }, { fields: [...lasting, ['Cache-Tag', 'b, c d']] })
    client.ask({ path: '/s/2' }, { fields: lasting })
  }
  const left = () =>
    [
      client.ask({ path: '/v', fields: [['Foo', '1']] }, { refuse: true }),
      client.ask({ path: '/v', fields: [['Foo', '2']] }),
      client.ask({ path: '/s/1', query: 'a=1&b=2' }),
      client.ask({ path: '/s/2' })
    ]
      .map(({ from }) => (from === 'cache' ? '+' : '-'))
      .join('')
  fill()
  t.equal(left(), '++++')
  t.strictSame([admin.purge({ kind: 'url', values: ['HTTP://Example.com:80/v'] }), left()], [2, '--++'])
  fill()
  t.strictSame(
    [admin.purge({ kind: 'url', values: ['http://example.com/s/../s/1?utm_x=9&b=2&a=1'] }), left()],
    [1, '++-+']
  )
  fill()
  t.strictSame([admin.purge({ kind: 'prefix', values: ['http://EXAMPLE.com/s/'] }), left()], [2, '++--'])
  fill()
  t.strictSame([admin.purge({ kind: 'tag', values: ['b'] }), left()], [3, '---+'])
  fill()
  t.strictSame([admin.purge({ kind: 'tag', values: ['c d'] }), left()], [1, '++-+'])
  fill()
  t.strictSame([admin.purge({ kind: 'all' }), left()], [4, '----'])
  t.equal(admin.purge({ kind: 'url', values: ['/s/1'] }), undefined, 'not absolute')
  t.strictSame(admin.purge({ kind: 'url', values: ['http://example.com/none'] }), 0)
  t.end()
})

t.test(
  'a soft purge makes stale what it names: windows begin, validators are used, and errors find it',
  (t) => {
    const long = (more: string) =>
      [
        ['Cache-Control', `max-age=1000${more}`],
        ['ETag', '"1"'],
        ['Cache-Tag', 'x']
      ] as const
    const stored = (more: string, config: Partial<RouteCache> = {}) => {
      const client = new Client(config)
      client.ask({}, { fields: long(more) })
      client.pause(10)
      const admin = new CacheAdmin(client.store, () => [client.cache.keys])
      t.equal(admin.purge({ kind: 'tag', values: ['x'] }, client.now), 1)
      return client
    }
    const confirmed = { status: 304, fields: long('') }

    const plain = stored('')
    t.match(plain.ask({}, confirmed).get('cache-status'), 'fwd=stale; fwd-status=304')
    t.equal(plain.seen.at(-1)?.get('if-none-match'), '"1"')
    t.match(plain.ask({}, { refuse: true }).get('cache-status'), 'hit; ttl=1000', 'renewed')

    const revalidating = stored(', stale-while-revalidate=30')
    t.match(revalidating.ask({}, confirmed).get('cache-status'), 'hit; ttl=0', 'served at once')
    t.equal(revalidating.seen.length, 2, 'and renewed behind the scenes')
    t.match(revalidating.ask({}, { refuse: true }).get('cache-status'), 'hit; ttl=1000')

    const late = stored('', { staleWhileRevalidateMs: 30_000 })
    late.pause(31)
    t.match(late.ask({}, confirmed).get('cache-status'), 'fwd=stale', 'the window began with the purge')

    const failing = stored(', stale-if-error=60')
    t.match(failing.ask({}, { refuse: true }).get('cache-status'), 'stale-if-error')
    failing.pause(61)
    t.equal(failing.ask({}, { refuse: true }).status, 502)

    const strict = stored(', must-revalidate')
    t.equal(strict.ask({}, { refuse: true }).status, 502, 'must-revalidate holds')

    const changed = stored('')
    t.equal(changed.ask({}, { fields: long(''), body: 'new' }).body, 'new')
    t.equal(changed.ask({}, { refuse: true }).body, 'new')
    t.end()
  }
)

t.test('a soft purge is not undone by what was asked for before it', (t) => {
  const client = new Client()
  client.ask({}, { fields: [...lasting, ['ETag', '"1"']] })
  const asking = client.cache.lookup(client.request({ fields: [['Cache-Control', 'no-cache']] }), client.now)
  if (asking.kind !== 'fetch') throw new Error(asking.kind)
  new CacheAdmin(client.store, () => []).purge({ kind: 'all' }, client.now)
  const { headers } = client.request({ fields: [...lasting, ['ETag', '"1"']] })
  const result = asking.onResponse({ status: 304, headers }, 0, client.now)
  if (result.kind === 'answer') result.hit.reader?.release()
  t.match(client.ask({}, { status: 304, fields: lasting }).get('cache-status'), 'fwd=stale')
  t.end()
})

t.test('a purge takes letters beyond ASCII as browsers and origins send them', (t) => {
  const client = new Client()
  const admin = new CacheAdmin(client.store, () => [client.cache.keys])
  const fill = () =>
    client.ask({ path: '/%C3%A4', query: 'q=%C3%B6' }, { fields: [...lasting, ['Cache-Tag', 'gr\xc3\xbcn']] })
  fill()
  t.strictSame(admin.purge({ kind: 'url', values: ['http://example.com/ä?q=ö'] }), 1)
  fill()
  t.strictSame(admin.purge({ kind: 'prefix', values: ['http://example.com/ä'] }), 1)
  fill()
  t.strictSame(admin.purge({ kind: 'tag', values: ['grün'] }), 1)
  const named = { ...client.request({ path: '/a' }), host: 'xn--bcher-kva.example:8080' }
  const url = 'http://Bücher.example:8080/a'
  for (const remove of [
    () => admin.purge({ kind: 'url', values: [url] }),
    () => admin.purge({ kind: 'prefix', values: [url] })
  ]) {
    const fetch = client.cache.lookup(named, client.now)
    if (fetch.kind !== 'fetch') throw new Error('it was stored')
    const got = fetch.onResponse(
      { status: 200, headers: client.request({ fields: lasting }).headers },
      0,
      client.now
    )
    if (got.kind === 'pass') got.writer?.finish()
    t.strictSame(remove(), 1, 'a name in Unicode')
  }
  t.end()
})

t.test('what was asked of upstream before a purge is not stored after it', (t) => {
  const client = new Client()
  const admin = new CacheAdmin(client.store, () => [])
  const decision = client.cache.lookup(client.request({}), client.now)
  if (decision.kind !== 'fetch') throw new Error(decision.kind)
  admin.purge({ kind: 'tag', values: ['whatever'] })
  const result = decision.onResponse(
    { status: 200, headers: client.request({ fields: lasting }).headers },
    0,
    client.now
  )
  t.match(result, { kind: 'pass', writer: undefined, forwarded: { detail: 'purged' } })
  t.end()
})

t.test('explain tells the key and what would happen, and does none of it', (t) => {
  const client = new Client()
  const explain = (fields: [string, string][] = [], method = 'GET') =>
    client.cache.explain(client.request({ fields, method }), client.now)
  t.match(explain(), { key: 'http://example.com/a', outcome: 'miss' })
  t.match(explain([], 'POST'), { key: undefined, outcome: 'bypass' })
  t.match(explain([['Cache-Control', 'no-store']]), { outcome: 'bypass' })
  const first = client.cache.lookup(client.request({}), client.now)
  t.match(explain(), { outcome: 'wait' })
  if (first.kind === 'fetch') first.abandon()
  client.ask(
    {},
    {
      fields: [
        ['Cache-Control', 'max-age=60, stale-while-revalidate=60'],
        ['Vary', 'Foo']
      ]
    }
  )
  client.pause(20)
  t.match(explain(), {
    outcome: 'hit',
    ageSeconds: 20,
    ttlSeconds: 40,
    variant: [{ name: 'foo', value: undefined }]
  })
  t.match(explain([['Foo', '1']]), { outcome: 'miss', variant: [{ name: 'foo', value: '1' }] })
  t.match(explain([['Cache-Control', 'no-cache']]), { outcome: 'revalidate' })
  client.pause(60)
  t.match(explain(), { outcome: 'stale', ttlSeconds: -20 })
  client.pause(60)
  t.match(explain(), { outcome: 'revalidate' })
  client.ask({ path: '/p' }, { fields: [['Cache-Control', 'private']] })
  t.match(client.cache.explain(client.request({ path: '/p' }), client.now), {
    outcome: 'miss',
    why: /not storable/
  })
  t.end()
})

t.test('explain finds a stored part for a range within it, and bypasses requests with a body', (t) => {
  const client = new Client()
  const range: FieldList = [['Range', 'bytes=0-3']]
  const part: FieldList = [...lasting, ['ETag', '"1"'], ['Content-Range', 'bytes 0-3/8']]
  client.ask({ fields: range }, { status: 206, fields: part, body: 'abcd' })
  const explain = (fields: FieldList, body = false) =>
    client.cache.explain({ ...client.request({ fields }), body }, client.now)
  t.match(explain(range), { outcome: 'hit', why: /a part/, status: 206, bytes: 4 })
  t.match(explain([]), { outcome: 'miss' })
  t.match(explain([], true), { outcome: 'bypass', why: /body/ })
  t.end()
})

t.test('explain tells whether an answer would be stored, and what that depends on', (t) => {
  const client = new Client()
  const explain = (ask: Ask, response?: FieldList, config: Partial<RouteCache> = {}, status = 200) => {
    const headers = response === undefined ? undefined : client.request({ fields: response }).headers
    const answer = headers === undefined ? undefined : { status, headers }
    const told = explainStoring(client.request(ask), { ...routeCache, ...config }, answer, client.now)
    return `${told.stored} ${told.ttlSeconds ?? ''} ${told.why}`
  }
  t.match(explain({}), /^depends {2}if the response has a lifetime or a validator/)
  t.match(explain({}, undefined, { defaultTtlMs: 30_000 }), /^depends.*for 30 s where it says nothing/)
  t.match(explain({ fields: [['Authorization', 'x']] }), /^depends.*public/)
  t.match(explain({ fields: [['Range', 'bytes=0-1']] }), /^depends.*part/)
  t.match(explain({ method: 'HEAD' }), /^no .*HEAD/)
  t.match(explain({ method: 'DELETE' }), /^no .*only answers to GET/)
  t.match(explain({ method: 'POST' }), /^depends.*Content-Location/)
  t.match(explain({ fields: [['Cache-Control', 'no-store']] }), /^no .*request says no-store/)
  t.match(explain({}, lasting), 'yes 60 by what the response says')
  t.match(explain({}, [], { defaultTtlMs: 30_000 }), 'yes 30 by the configuration')
  t.match(explain({}, [], { negativeTtlMs: { 404: 5_000 } }, 404), 'yes 5 by the configuration')
  t.match(explain({}, [...lasting, ['Set-Cookie', 'a=b']], { setCookie: 'shared' }), /^no .*cookie/)
  t.match(
    explain({}, [
      ['Last-Modified', 'Fri, 20 Nov 2020 00:00:00 GMT'],
      ['Set-Cookie', 'a=b']
    ]),
    /^no .*cookie/
  )
  t.match(explain({}, [['Cache-Control', 'private']]), /^no .*private/)
  t.match(explain({}, [['Cache-Control', 'no-cache, max-age=9']]), /^yes 9 to be revalidated each time/)
  t.match(explain({}, [['ETag', '"1"']]), /^yes 0 to be revalidated/)
  t.match(explain({}, []), /^no .*no lifetime/)
  t.end()
})

t.test('each request counts once', (t) => {
  const client = new Client()
  client.ask(
    {},
    {
      fields: [
        ['Cache-Control', 'max-age=5'],
        ['ETag', '"1"']
      ]
    }
  )
  client.ask()
  client.pause(10)
  client.ask({}, { status: 304, fields: [['ETag', '"1"']] })
  client.pause(10)
  client.ask({}, { refuse: true })
  client.ask({ method: 'PUT' }, {})
  t.strictSame(Object.fromEntries(client.counts), {
    miss: 1,
    stored: 1,
    hit: 1,
    revalidated: 1,
    stale: 1,
    bypass: 1
  })
  t.end()
})

t.test('stores live as long as their configuration, and every thread sees the same', (t) => {
  const main = new MainCaches(2)
  const size = { name: 'main', maxBytes: 1 << 20, maxObjectBytes: 1 << 16, store: 'memory' } as const
  const first = main.apply({ main: size }, [routeCache])
  const parts = { metrics: new Metrics(), clock: new FakeClock(), random: () => 0.5 }
  const clock = new FakeClock()
  const client = new Client()
  const one = new ThreadCaches({ ...parts, workerIndex: 0 }).httpCache(routeCache, first['main']!)
  const two = new ThreadCaches({ ...parts, workerIndex: 1 }).httpCache(
    routeCache,
    structuredClone(first['main']!)
  )
  const fetch = one.lookup(client.request({}), clock.wall())
  if (fetch.kind !== 'fetch') throw new Error(fetch.kind)
  const result = fetch.onResponse(
    { status: 200, headers: client.request({ fields: lasting }).headers },
    0,
    clock.wall()
  )
  if (result.kind === 'pass') result.writer?.finish()
  t.equal(two.lookup(client.request({}), clock.wall()).kind, 'hit')
  t.equal(main.stats('main')?.entries, 1)

  const again = main.apply({ main: { ...size }, other: { ...size, name: 'other' } }, [])
  t.equal(again['main'], first['main'], 'unchanged: kept')
  t.strictSame(main.names(), ['main', 'other'])
  const larger = main.apply({ main: { ...size, maxBytes: 2 << 20 } }, [])
  t.not(larger['main'], first['main'])
  t.strictSame([main.names(), main.stats('main')?.entries, main.admin('other')], [['main'], 0, undefined])
  t.end()
})

t.test('MapStore is bounded and releases what it dropped', (t) => {
  const store = new MapStore({ maxBytes: 1000, maxObjectBytes: 500 })
  const client = new Client({}, store)
  for (let n = 0; n < 50; n++) client.ask({ path: `/${n}` }, { fields: lasting, body: 'x'.repeat(100) })
  t.ok(store.bytes <= 1000 && store.entries > 0)
  store.purge({ kind: 'all' })
  t.strictSame([store.bytes, store.entries, get(store, 'http://example.com/49')], [0, 0, undefined])
  t.end()
})
