import t from 'tap'
import type { Answer } from './support/client.ts'
import { Client } from './support/client.ts'
import type { FieldList } from './support/fields.ts'

const cc = (value: string): [string, string] => ['Cache-Control', value]
const etag = (value = '"abc"'): [string, string] => ['ETag', value]

/** A client whose cache holds an answer with `list` that is `age` seconds old. */
function holding(list: FieldList, age: number, body = '0123456789', client = new Client()): Client {
  client.ask({}, { fields: [['Date', client.date()], ...list], body })
  client.pause(age)
  return client
}

t.test('a client that has the response already gets 304 from the cache', (t) => {
  const cases: [string, FieldList, FieldList, number][] = [
    ['strong tag', [etag()], [['If-None-Match', '"abc"']], 304],
    ['weak tag', [etag('W/"abc"')], [['If-None-Match', 'W/"abc"']], 304],
    ['weak against strong', [etag()], [['If-None-Match', 'W/"abc"']], 304],
    ['one of several', [etag()], [['If-None-Match', '"1", "abc", "2"']], 304],
    ['comma within a tag', [etag('"a,b"')], [['If-None-Match', '"x", "a,b"']], 304],
    ['star', [], [['If-None-Match', '*']], 304],
    ['other tag', [etag()], [['If-None-Match', '"x"']], 200],
    ['obs-text', [etag('"ab\u00fc"')], [['If-None-Match', '"ab\u00fc"']], 304],
    [
      'tag goes before date',
      [etag()],
      [
        ['If-None-Match', '"x"'],
        ['If-Modified-Since', 'Fri, 01 Jan 2100 00:00:00 GMT']
      ],
      200
    ]
  ]
  for (const [title, stored, condition, status] of cases) {
    const client = holding([cc('max-age=60'), ...stored], 3)
    const got = client.ask({ fields: condition })
    t.strictSame([got.from, got.status], ['cache', status], title)
    if (status === 304) t.equal(got.get('etag'), stored[0]?.[1], `${title}: 304 carries the tag`)
  }
  const client = new Client()
  const modified = client.date(-3000)
  holding([cc('max-age=60'), ['Last-Modified', modified]], 3, 'x', client)
  const since = (value: string) => client.ask({ fields: [['If-Modified-Since', value]] }).status
  t.equal(since(modified), 304, 'same date')
  t.equal(since(client.date(-2000)), 304, 'later date')
  t.equal(since(client.date(-4000)), 200, 'earlier date')
  t.equal(since('yesterday'), 200, 'no date')
  const undated = holding([cc('max-age=60')], 3)
  t.equal(undated.ask({ fields: [['If-Modified-Since', undated.date(0)]] }).status, 304, 'Date stands in')
  t.end()
})

t.test('what is stale is revalidated with its own validators, and a 304 renews it', (t) => {
  const client = new Client()
  const modified = client.date(-3000)
  holding(
    [cc('max-age=2'), etag(), ['Last-Modified', modified], ['X-A', '1'], ['X-B', '1']],
    3,
    'stored',
    client
  )
  const got = client.ask(
    {
      fields: [
        ['If-None-Match', '"mine"'],
        ['Range', 'bytes=0-1']
      ]
    },
    {
      status: 304,
      fields: [cc('max-age=60'), etag(), ['X-A', '2'], ['X-A', '3'], ['Content-Length', '99']],
      body: ''
    }
  )
  t.equal(client.seen[1]?.get('if-none-match'), '"abc"')
  t.equal(client.seen[1]?.get('if-modified-since'), modified)
  t.equal(client.seen[1]?.get('range'), undefined)
  t.strictSame([got.status, got.body, got.get('x-a'), got.get('x-b')], [206, 'st', '2, 3', '1'])
  t.equal(got.get('cache-status'), 'lb; fwd=stale; fwd-status=304')
  const later = client.ask()
  t.strictSame([later.from, later.body, later.get('x-a'), later.get('age')], ['cache', 'stored', '2, 3', '0'])
  t.end()
})

t.test('a client with a condition gets 304 after a successful revalidation', (t) => {
  const client = holding([cc('max-age=2'), etag()], 3)
  const got = client.ask(
    { fields: [['If-None-Match', '"abc"']] },
    { status: 304, fields: [etag()], body: '' }
  )
  t.equal(got.status, 304)
  t.end()
})

t.test('no-cache is revalidated each time', (t) => {
  const client = holding([cc('no-cache'), etag()], 0)
  for (let n = 0; n < 3; n++) {
    const got = client.ask({}, { status: 304, fields: [etag()], body: '' })
    t.strictSame([got.status, got.body], [200, '0123456789'])
  }
  t.equal(client.seen.length, 4)
  t.end()
})

t.test('a 304 about something else serves what there is once and is then forgotten', (t) => {
  const client = holding([cc('max-age=2'), etag()], 3)
  t.equal(
    client.ask({}, { status: 304, fields: [cc('max-age=60'), etag('"other"')], body: '' }).body,
    '0123456789'
  )
  t.equal(client.ask({}, { body: 'new' }).body, 'new')
  t.end()
})

t.test('a condition of the client goes upstream when nothing is stored, and its 304 comes back', (t) => {
  const client = new Client()
  const got = client.ask(
    { fields: [['If-None-Match', '"x"']] },
    { status: 304, fields: [etag('"x"')], body: '' }
  )
  t.strictSame([got.status, client.seen[0]?.get('if-none-match')], [304, '"x"'])
  t.equal(client.ask({}, { fields: [cc('max-age=60')] }).from, 'origin')
  t.equal(client.ask({ fields: [['If-Match', '"x"']] }).from, 'origin', 'If-Match is for the origin')
  t.end()
})

t.test('stale-while-revalidate serves what is stale and renews it behind the scenes', (t) => {
  const client = holding([cc('max-age=1, stale-while-revalidate=4'), etag()], 3)
  const stale = client.ask({}, { fields: [cc('max-age=60'), etag('"def"')], body: 'new' })
  t.strictSame(
    [stale.from, stale.body, stale.get('cache-status')],
    ['cache', '0123456789', 'lb; hit; ttl=-2']
  )
  t.equal(client.seen[1]?.get('if-none-match'), '"abc"')
  const fresh = client.ask()
  t.strictSame([fresh.from, fresh.body], ['cache', 'new'])

  const over = holding([cc('max-age=1, stale-while-revalidate=4'), etag()], 6)
  t.equal(over.ask({}, { body: 'new' }).body, 'new', 'not after the window')
  const never = holding([cc('max-age=1, stale-while-revalidate=4, must-revalidate'), etag()], 3)
  t.equal(never.ask({}, { body: 'new' }).body, 'new', 'not with must-revalidate')
  const configured = holding([cc('max-age=1')], 3, 'old', new Client({ staleWhileRevalidateMs: 10_000 }))
  t.equal(configured.ask({}, { body: 'new' }).body, 'old', 'by configuration')
  t.end()
})

t.test('an error is covered by what is stale where that is allowed', (t) => {
  const down: Answer = { refuse: true }
  const broken: Answer = { status: 503, body: 'sorry' }
  const cases: [string, string, number, Answer, number][] = [
    ['no connection', 'max-age=2', 3, down, 200],
    ['no connection for too long', 'max-age=2', 7200, down, 502],
    ['no connection, window over', 'max-age=0, stale-if-error=1', 3, down, 502],
    ['no connection, must-revalidate', 'max-age=2, must-revalidate', 3, down, 502],
    ['no connection, proxy-revalidate', 'max-age=2, proxy-revalidate', 3, down, 502],
    ['no connection, no-cache', 'max-age=2, no-cache', 3, down, 502],
    ['no connection, s-maxage', 's-maxage=2', 3, down, 502],
    ['503', 'max-age=2', 3, broken, 503],
    ['503 within stale-if-error', 'max-age=2, stale-if-error=60', 3, broken, 200],
    ['503 after stale-if-error', 'max-age=0, stale-if-error=1', 3, broken, 503],
    ['503 within stale-if-error of s-maxage', 's-maxage=2, stale-if-error=60', 3, broken, 200]
  ]
  for (const [title, value, age, answer, status] of cases) {
    const client = holding([cc(value), etag()], age)
    const got = client.ask({}, answer)
    t.equal(got.status, status, title)
    if (status === 200) t.match(got.get('cache-status'), /^lb; hit; ttl=-\d+; detail=stale-if-error$/)
    // Whatever was held while asking was given back: it can be asked again.
    t.equal(client.ask({}, { body: 'fine' }).body, 'fine', `${title}: afterwards`)
  }
  const asked = holding([cc('max-age=1'), etag()], 3)
  t.equal(asked.ask({ fields: [cc('stale-if-error=60')] }, broken).status, 200, 'the request opens a window')
  t.equal(asked.ask({ fields: [cc('stale-if-error=1')] }, broken).status, 503, 'and closes it')
  const shared = holding([cc('s-maxage=1'), etag()], 3)
  t.equal(shared.ask({ fields: [cc('stale-if-error=60')] }, broken).status, 503, 'but not against s-maxage')
  t.end()
})

t.test('what upstream says to a request with Authorization freshens nothing for others', (t) => {
  const login = ['Authorization', 'Basic x'] as const
  for (const method of ['GET', 'HEAD']) {
    for (const [control, shared] of [
      ['max-age=2', false],
      ['max-age=2, public', true]
    ] as const) {
      const client = holding([cc(control), etag(), ['X-User', 'nobody']], 3)
      const status = method === 'GET' ? 304 : 200
      const fields: FieldList = [etag(), ['X-User', 'me']]
      const own = client.ask({ method, fields: [login] }, { status, fields, body: '0123456789' })
      t.strictSame([own.status, own.get('x-user')], [200, 'me'], `${method}: its own answer`)
      const others = client.ask({}, { status: 304, fields: [etag()] })
      t.equal(others.get('x-user'), shared ? 'me' : 'nobody', `${method} and ${control}`)
    }
  }
  t.end()
})

t.test(
  'what was never fresh is not handed out unseen: not to who takes stale, nor when upstream is gone',
  (t) => {
    const lists: FieldList[] = [[etag()], [cc('max-age=0'), etag()], [['Expires', '0'], etag()]]
    const open = { staleWhileRevalidateMs: 60_000, staleIfErrorMs: 60_000 }
    for (const list of lists) {
      const title = list.map(([, value]) => value).join(' ')
      const held = () => holding(list, 3, 'the page of one user', new Client(open))
      const another: Answer = { body: 'the page of another' }
      t.equal(held().ask({}, another).body, 'the page of another', `${title}: staleWhileRevalidate`)
      const greedy = held().ask({ fields: [cc('max-stale')] }, another)
      t.equal(greedy.body, 'the page of another', `${title}: max-stale`)
      t.equal(held().ask({}, { refuse: true }).status, 502, `${title}: no connection`)
      t.equal(held().ask({}, { status: 503 }).status, 503, `${title}: staleIfError`)
      t.equal(
        held().ask({ fields: [cc('stale-if-error=60')] }, { status: 503 }).status,
        503,
        `${title}: asked for`
      )
      t.equal(
        held().ask({}, { status: 304, fields: [etag()] }).body,
        'the page of one user',
        `${title}: validated`
      )
    }
    const said = holding([cc('max-age=0, stale-while-revalidate=60'), etag()], 3)
    t.equal(said.ask({}, { body: 'new' }).body, '0123456789', 'but where the response itself says so')
    t.end()
  }
)

t.test('HEAD is answered from GET, renews it, or shows that it changed', (t) => {
  const client = holding([cc('max-age=2'), etag(), ['X-A', '1']], 1)
  const hit = client.ask({ method: 'HEAD' })
  t.strictSame([hit.from, hit.body, hit.get('x-a')], ['cache', '', '1'])
  client.pause(2)
  client.ask({ method: 'HEAD' }, { fields: [cc('max-age=60'), etag(), ['X-A', '2']], body: '0123456789' })
  t.equal(client.seen[1]?.method, 'HEAD')
  const renewed = client.ask()
  t.strictSame([renewed.from, renewed.body, renewed.get('x-a')], ['cache', '0123456789', '2'])

  const changed = holding([cc('max-age=2, stale-while-revalidate=60')], 70)
  changed.ask({ method: 'HEAD' }, { fields: [cc('max-age=60')], body: 'shorter' })
  t.equal(changed.ask({}, { refuse: true }).status, 502, 'another length: what was stored is gone')
  t.end()
})

t.test(
  'a successful unsafe request invalidates its target, Location and Content-Location of its origin',
  (t) => {
    for (const method of ['POST', 'PUT', 'DELETE', 'M-SEARCH']) {
      const client = new Client()
      const fill = (path: string) => client.ask({ path }, { fields: [cc('max-age=60')] })
      for (const path of ['/a', '/b/l', '/c', '/d']) fill(path)
      client.ask({ method }, { status: 500 })
      t.equal(client.ask().from, 'cache', `${method} failed`)
      const locations: FieldList = [
        ['Location', 'b/l'],
        ['Content-Location', 'http://EXAMPLE.com:80/c']
      ]
      client.ask({ method }, { status: 201, fields: locations })
      client.ask({ method, path: '/x' }, { fields: [['Location', 'http://other.example/d']] })
      for (const path of ['/a', '/b/l', '/c']) t.equal(fill(path).from, 'origin', `${method} ${path}`)
      t.equal(fill('/d').from, 'cache', `${method}: not of another origin`)
    }
    const keyed = new Client({ key: { ignoreQuery: [], sortQuery: false, headers: ['x-t'], cookies: [] } })
    const as = (value: string) => keyed.ask({ fields: [['X-T', value]] }, { fields: [cc('max-age=60')] }).from
    as('1')
    as('2')
    t.equal(as('1'), 'cache')
    keyed.ask({ method: 'DELETE' }, {})
    t.strictSame([as('1'), as('2')], ['origin', 'origin'], 'whatever else is in the key')
    t.end()
  }
)

t.test('an answer to POST that names its own URL and a lifetime is one for GET', (t) => {
  const client = new Client()
  client.ask({ method: 'POST' }, { fields: [cc('max-age=60'), ['Content-Location', '/a']], body: 'posted' })
  t.strictSame([client.ask().from, client.ask().body], ['cache', 'posted'])
  client.ask({ method: 'POST', path: '/b' }, { fields: [cc('max-age=60'), ['Content-Location', '/a']] })
  t.equal(client.ask({ path: '/b' }).from, 'origin')
  t.end()
})

t.test('fields of one connection, and those that directives name, are not kept', (t) => {
  const client = holding(
    [
      cc('max-age=60, no-cache="x-n", private="x-p"'),
      ['Connection', 'x-c, close'],
      ['X-C', '1'],
      ['X-N', '1'],
      ['X-P', '1'],
      ['Keep-Alive', 'timeout=5'],
      ['Proxy-Authenticate', 'Basic'],
      ['TE', 'trailers'],
      ['Upgrade', 'x'],
      ['X-Kept', 'yes'],
      ['Surrogate-Key', 'a b']
    ],
    2
  )
  const got = client.ask()
  t.equal(got.from, 'cache')
  for (const name of ['connection', 'x-c', 'x-n', 'x-p', 'keep-alive', 'proxy-authenticate', 'te', 'upgrade'])
    t.equal(got.get(name), undefined, name)
  t.equal(got.get('x-kept'), 'yes')
  t.equal(got.get('age'), '2')
  t.equal(got.get('cache-status'), 'lb; hit; ttl=58')
  t.end()
})

t.test('Date is kept, and added where it is missing', (t) => {
  const client = new Client()
  const date = client.date()
  client.ask({}, { fields: [cc('max-age=60')] })
  client.pause(5)
  t.equal(client.ask().get('date'), date)
  t.end()
})

t.test('a body that breaks off is not stored, and neither is what it replaced', (t) => {
  const client = holding([cc('max-age=2'), etag()], 3)
  client.ask({}, { fields: [cc('max-age=60')], body: '0123456789', breakAfter: 5 })
  t.equal(client.ask({}, { body: 'whole' }).from, 'origin')
  t.end()
})
