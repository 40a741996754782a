import t from 'tap'
import { httpOrigin, startLb } from '../../e2e/servers.ts'
import { Client } from './support/client.ts'
import type { FieldList } from './support/fields.ts'

const cc = (value: string): [string, string] => ['Cache-Control', value]
const etag: [string, string] = ['ETag', '"a"']
const cookie = (value: string): [string, string] => ['Set-Cookie', value]

t.test('setCookie says which responses are stored with their cookie', (t) => {
  const lists: Record<string, FieldList> = {
    lifetime: [cc('max-age=60')],
    shared: [cc('public, max-age=60')],
    targeted: [['CDN-Cache-Control', 'max-age=60']],
    guess: [['Last-Modified', 'Fri, 20 Nov 2020 00:00:00 GMT']],
    'cookie taken out': [cc('max-age=60, private="set-cookie"')]
  }
  const expected = {
    explicit: ['lifetime', 'shared', 'targeted', 'cookie taken out'],
    shared: ['shared', 'targeted', 'cookie taken out'],
    never: ['cookie taken out']
  } as const
  for (const setCookie of ['explicit', 'shared', 'never'] as const) {
    const stored = Object.entries(lists).flatMap(([title, list]) => {
      const client = new Client({ setCookie, negativeTtlMs: { 200: 60_000 } })
      client.ask({}, { fields: [...list, cookie('s=1')] })
      const again = client.ask()
      if (again.from === 'cache')
        t.equal(again.get('set-cookie'), title === 'cookie taken out' ? undefined : 's=1', title)
      return again.from === 'cache' ? [title] : []
    })
    t.strictSame(stored, expected[setCookie], setCookie)
  }
  t.end()
})

t.test(
  'a cookie that comes with a 304 goes to the client that asked, and to others only when it may',
  (t) => {
    const cases: [string, FieldList, FieldList, string | undefined][] = [
      ['lifetime', [cc('max-age=2')], [cc('max-age=60')], 'b=2'],
      ['validated each time', [cc('max-age=0')], [cc('max-age=0')], undefined],
      ['taken out', [cc('max-age=2, no-cache="set-cookie"')], [], undefined],
      ['guess', [['Last-Modified', 'Fri, 20 Nov 2020 00:00:00 GMT'], cc('no-cache')], [], undefined]
    ]
    for (const [title, first, second, others] of cases) {
      const client = new Client({ setCookie: 'explicit' })
      client.ask({}, { fields: [...first, etag], body: 'page' })
      client.pause(3)
      const asked = client.ask({}, { status: 304, fields: [...second, etag, cookie('b=2')] })
      t.strictSame([asked.status, asked.body, asked.get('set-cookie')], [200, 'page', 'b=2'], title)
      // Whether out of the store at once or after another 304: what everybody gets is what is stored.
      const other = client.ask({}, { status: 304, fields: [etag] })
      t.strictSame(
        [other.status, other.body, other.get('set-cookie')],
        [200, 'page', others],
        `${title}: others`
      )
    }
    t.end()
  }
)

t.test('a client that gets 304 after a validation gets the cookie that came with it', (t) => {
  const client = new Client()
  client.ask({}, { fields: [cc('no-cache'), etag] })
  const answer = {
    status: 304,
    fields: [etag, cookie('b=2'), ['Connection', 'x-a'], ['X-A', '1']] as FieldList
  }
  const asked = client.ask({ fields: [['If-None-Match', '"a"']] }, answer)
  t.strictSame([asked.status, asked.get('set-cookie'), asked.get('x-a')], [304, 'b=2', undefined])
  t.equal(
    client.ask({ fields: [['If-None-Match', '"a"']] }, { status: 304, fields: [etag] }).get('set-cookie'),
    undefined
  )
  t.end()
})

t.test('a field that private names in a 304 goes to the client that asked alone', (t) => {
  const client = new Client()
  client.ask({}, { fields: [cc('max-age=2, private="x-user"'), etag, ['X-User', '1']] })
  t.equal(client.ask().get('x-user'), undefined)
  client.pause(3)
  t.equal(client.ask({}, { status: 304, fields: [etag, ['X-User', '2']] }).get('x-user'), '2')
  t.equal(client.ask().get('x-user'), undefined)
  t.end()
})

t.test('a HEAD that renews leaves no cookie behind that may not be there', (t) => {
  const client = new Client({ setCookie: 'shared' })
  client.ask({}, { fields: [cc('max-age=2'), etag], body: '0123' })
  client.pause(3)
  client.ask({ method: 'HEAD' }, { fields: [cc('max-age=60'), etag, cookie('c=3')], body: '0123' })
  const got = client.ask()
  t.strictSame([got.from, got.get('set-cookie')], ['cache', undefined])
  t.end()
})

t.test('the sticky cookie of lb is not stored with the page, the cookie of the page is', async (t) => {
  const origin = await httpOrigin(t, 'site', (_, response) => {
    response.setHeader('cache-control', 'public, max-age=60')
    response.setHeader('set-cookie', 'theme=dark')
    response.end('page')
  })
  const lb = await startLb(t, {
    workers: 0,
    listeners: [
      {
        name: 'web',
        bind: '127.0.0.1:0',
        mode: 'l7',
        routes: [
          { match: { path: '/never' }, pool: 'web', cache: { store: 'main', setCookie: 'never' } },
          { match: {}, pool: 'web', cache: { store: 'main' } }
        ]
      }
    ],
    pools: { web: { backends: [origin.address], sticky: { cookie: 'lb' } } },
    caches: { main: { maxBytes: '8mb' } }
  })
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${lb.port('web')}${path}`)
    await response.arrayBuffer()
    return { status: response.headers.get('cache-status') ?? '', cookies: response.headers.getSetCookie() }
  }
  const first = await ask('/')
  t.strictSame(first.cookies.map((cookie) => cookie.split('=')[0]).sort(), ['lb', 'theme'])
  const second = await ask('/')
  t.match(second.status, /^lb; hit; /)
  t.strictSame(second.cookies, ['theme=dark'])
  for (let i = 0; i < 2; i++) t.match((await ask('/never')).status, /detail=set-cookie$/)
})
