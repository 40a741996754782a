import t from 'tap'
import { KeyMaker, maxKeyLength } from '../../../src/l7/cache/decide/key.ts'
import type { CacheRequest } from '../../../src/l7/cache/ports.ts'
import type { FieldList } from './support/fields.ts'
import { fields } from './support/fields.ts'

const plain = { ignoreQuery: [], sortQuery: false, headers: [], cookies: [] }

function request(query = '', list: FieldList = [], more: Partial<CacheRequest> = {}): CacheRequest {
  return {
    method: 'GET',
    scheme: 'https',
    host: 'Example.com',
    path: '/a',
    query,
    headers: fields(list),
    ...more
  }
}

t.test('a key is the URL, with the host in lower case and without the usual port', (t) => {
  const keys = new KeyMaker(plain)
  t.equal(keys.key(request('b=1&a=2')), 'https://example.com/a?b=1&a=2')
  t.equal(keys.key(request('', [], { host: 'example.com:443' })), 'https://example.com/a')
  t.equal(keys.key(request('', [], { host: 'example.com:80' })), 'https://example.com:80/a')
  t.equal(keys.key(request('', [], { scheme: 'http', host: 'example.com:80' })), 'http://example.com/a')
  t.equal(keys.key(request('x'.repeat(maxKeyLength))), undefined, 'too long')
  t.end()
})

t.test('a path that was written oddly has a key of its own', (t) => {
  const keys = new KeyMaker(plain)
  t.not(keys.key(request('', [], { rawPath: '//a' })), keys.key(request()))
  t.equal(keys.key(request('', [], { rawPath: '/a' })), keys.key(request()))
  t.end()
})

t.test('parameters are left out by name or pattern, and sorted by name', (t) => {
  const ignoring = new KeyMaker({ ...plain, ignoreQuery: ['utm_*', 'fbclid', '*_id'] })
  const keyOf = (query: string) => ignoring.key(request(query))?.slice('https://example.com/a'.length)
  t.equal(keyOf('utm_source=x&q=1&fbclid=y&session_id=3&utm_'), '?q=1')
  t.equal(keyOf('utm=1'), '?utm=1')
  t.equal(keyOf('utm_source=x'), '')
  t.equal(keyOf('a.utm_x=1&q=utm_'), '?a.utm_x=1&q=utm_')
  const sorting = new KeyMaker({ ...plain, sortQuery: true })
  t.equal(sorting.key(request('b=2&a=1&b=1')), 'https://example.com/a?a=1&b=2&b=1')
  const slow = new KeyMaker({ ...plain, ignoreQuery: ['*a*a*a*a*a*b'] })
  const before = performance.now()
  slow.key(request(`${'a'.repeat(2000)}=1`))
  t.ok(performance.now() - before < 3000, 'a pattern cannot be made slow')
  t.end()
})

t.test('chosen fields and cookies select, and absent is not empty', (t) => {
  const keys = new KeyMaker({ ...plain, headers: ['x-t'], cookies: ['lang'] })
  const seen = new Set([
    keys.key(request()),
    keys.key(request('', [['X-T', '']])),
    keys.key(request('', [['X-T', '1']])),
    keys.key(request('', [['Cookie', 'a=b; lang=de']])),
    keys.key(request('', [['Cookie', 'lang=']])),
    keys.key(request('', [['Cookie', 'xlang=de']]))
  ])
  t.equal(seen.size, 5)
  t.equal(
    keys.key(request('', [['Cookie', 'lang=de; other=1']])),
    keys.key(request('', [['Cookie', 'x=2;lang=de']]))
  )
  t.end()
})

t.test('a key that is remembered is the one that is made, whatever was asked before', (t) => {
  const config = { ...plain, ignoreQuery: ['utm_*'], sortQuery: true, headers: ['x-t'], scope: 'one' }
  const keys = new KeyMaker(config)
  // URLs of one length that end alike meet in one place, in which the last of them stays.
  const places = [{}, { host: 'other.org' }, { scheme: 'http' as const }, { path: '/b' }, { rawPath: '/%61' }]
  const queries = ['', 'b=1&a=2', 'a=2&b=1', 'utm_x=1', `a=1&utm_x=${'y'.repeat(1100)}`]
  const asked = [...places, { forwarded: '\nf:x-forwarded-prefix=/p' }].flatMap((more) =>
    queries.flatMap((query) => ['1', '2'].map((value) => request(query, [['X-T', value]], more)))
  )
  for (let round = 0; round < 3; round++) {
    for (const one of asked) t.equal(keys.key(one), new KeyMaker(config).key(one))
    asked.reverse()
  }
  t.equal(new Set(asked.map((one) => keys.key(one))).size, 36)
  t.end()
})
