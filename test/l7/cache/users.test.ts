import { request, type IncomingMessage } from 'node:http'
import t from 'tap'
import { seededRandom } from '../../../src/core/random.ts'
import { httpOrigin, startLb } from '../../e2e/servers.ts'

/** Values of fields, all lines, as a server that trusts what it gets would print them into its page. */
function raw(asked: IncomingMessage, name: string): string[] {
  const found: string[] = []
  for (let i = 0; i < asked.rawHeaders.length; i += 2)
    if (asked.rawHeaders[i]!.toLowerCase() === name) found.push(asked.rawHeaders[i + 1]!)
  return found
}

const pairs = (text: string, split: RegExp): [string, string][] =>
  text.split(split).map((pair) => {
    const equals = pair.indexOf('=')
    return equals < 0 ? [pair.trim(), ''] : [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()]
  })

/** Servers differ in how they read cookies and queries. */
const readers = [
  { cookies: /;/, query: /&/, take: 'first' },
  { cookies: /;/, query: /[&;]/, take: 'last' },
  { cookies: /[;,]/, query: /[&;]/, take: 'last' },
  { cookies: /;/, query: /&/, take: 'folded' }
] as const

const varying = [
  [],
  ['accept-language'],
  ['cookie'],
  ['x-forwarded-for'],
  ['via', 'x-forwarded-host'],
  ['host', 'forwarded'],
  ['x-edited'],
  ['x-told', 'accept-encoding'],
  Array.from({ length: 20 }, (_, i) => `x-many-${i}`)
]

/** What a page depends on: the path says how it is made; of what it varies by, it shows the values. */
function page(asked: IncomingMessage): { vary: readonly string[]; body: string } {
  const { pathname, search } = new URL(`http://x${asked.url}`)
  const [reader, set] = pathname.slice(1).split('-').map(Number) as [number, number]
  const { cookies, query, take } = readers[reader]!
  // Two different lists at one URL, as applications have them: the page chooses by a cookie.
  const cookie = raw(asked, 'cookie').join('; ')
  const named = (list: [string, string][], name: string) => {
    const values = list
      .filter(([other]) => (take === 'folded' ? other.toLowerCase() === name : other === name))
      .map(([, value]) => value)
    return (take === 'first' ? values[0] : values.at(-1)) ?? '-'
  }
  const vary = varying[set]!
  const shown = vary.map((name) => `${name}=${raw(asked, name).join('|')}`)
  const parameters = pairs(search.slice(1), query).filter(([name]) => !name.startsWith('utm_'))
  // Of several parameters of one name the order counts.
  const q = parameters.filter(([name]) => name === 'q').map(([, value]) => value)
  const body = [
    asked.headers.host,
    raw(asked, 'x-forwarded-host').join(),
    raw(asked, 'x-shown-host').join(),
    pathname,
    named(pairs(cookie, cookies), 'lang'),
    `q=${q.join()} cb=${named(parameters, 'cb')} empty=${asked.url!.endsWith('?')}`,
    ...shown
  ].join('\n')
  return { vary, body }
}

t.test('no user is served what the backend would not have answered to him', async (t) => {
  const origin = await httpOrigin(t, 'site', (asked, response) => {
    const { vary, body } = page(asked)
    response.setHeader('cache-control', 'public, max-age=600')
    if (vary.length > 0) response.setHeader('vary', vary.join(', '))
    response.end(body)
  })
  const headers = { request: { set: { 'X-Edited': 'by-{client_ip}', 'X-Shown-Host': '{host}' } } }
  const key = { cookies: ['lang'], ignoreQuery: ['utm_*'], sortQuery: true }
  const listener = (name: string, cache: object) => ({
    name,
    bind: '127.0.0.1:0',
    mode: 'l7',
    trustedProxies: name.startsWith('trusting') ? ['127.0.0.0/8'] : [],
    routes: [{ match: {}, pool: 'web', headers, ...cache }]
  })
  const cached = { cache: { store: 'main', key } }
  const lb = await startLb(t, {
    workers: 0,
    listeners: [
      listener('plain', {}),
      listener('cached', cached),
      listener('trusting', {}),
      listener('trustingcached', cached)
    ],
    pools: { web: { backends: [origin.address] } },
    caches: { main: { maxBytes: '16mb' } }
  })
  const ask = (name: string, path: string, fields: string[]) =>
    new Promise<{ body: string; hit: boolean }>((resolve, reject) => {
      const sent = request({ port: lb.port(name), path, headers: fields, setHost: false }, (answer) => {
        let body = ''
        answer.setEncoding('latin1').on('data', (chunk: string) => (body += chunk))
        answer.on('end', () => {
          resolve({ body, hit: /^lb; hit/.test(String(answer.headers['cache-status'])) })
        })
      })
      sent.on('error', reject).end()
    })

  let hits = 0
  const rounds = Number(process.env.LB_USERS_ROUNDS ?? 3000)
  const seed = Number(process.env.LB_USERS_SEED ?? 7)
  const random = seededRandom(seed)
  const one = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const maybe = (chance: number) => random() < chance
  for (let round = 0; round < rounds; round++) {
    const path = `/${one([0, 1, 2, 3])}-${Math.floor(random() * varying.length)}`
    const members = Array.from({ length: Math.floor(random() * 4) }, () =>
      one(['q=1', 'q=2', 'utm_x=1', 'utm_x=1;cb=evil', 'cb=evil', 'utm_y=2;utm_z', '%71=1', 'q=1;q=2'])
    )
    const query = members.length > 0 ? `?${members.join('&')}` : maybe(0.1) ? '?' : ''
    const fields = [
      'Host',
      one(['site.example', 'SITE.example', 'site.example:80', 'Site.Example:80', 'other'])
    ]
    const cookie = () =>
      Array.from({ length: 1 + Math.floor(random() * 2) }, () =>
        one(['lang=de', 'lang=evil', 'Lang=evil', 'a=1', 'a=1, lang=evil', 'lang="de"', 'lang'])
      ).join(one(['; ', ';', ' ; ']))
    for (let lines = Math.floor(random() * 3); lines > 0; lines--) fields.push('Cookie', cookie())
    if (maybe(0.2)) fields.push('Accept-Language', one(['de', 'en', 'constructor', '__proto__', 'de;q=x']))
    if (maybe(0.2)) fields.push('X-Forwarded-For', one(['6.6.6.6', '7.7.7.7']))
    if (maybe(0.2)) fields.push('X_Forwarded_Host', 'evil.example')
    if (maybe(0.2)) fields.push('X-Forwarded-Host', one(['site.example', 'evil.example']))
    if (maybe(0.1)) fields.push('X-Edited', 'evil')
    if (maybe(0.1)) fields.push('X-Told', one(['1', '2']))
    if (maybe(0.1)) fields.push('Via', one(['1.0 evil', '1.1 proxy']))
    if (maybe(0.2)) fields.push(`X-Many-${Math.floor(random() * 20)}`, one(['1', '2']))
    const side = one(['', 'trusting'])
    const mine = await ask(side === '' ? 'cached' : 'trustingcached', path + query, fields)
    const fresh = await ask(side === '' ? 'plain' : side, path + query, fields)
    if (mine.hit) hits++
    const [got, wanted] = [mine.body, fresh.body].map(comparable)
    if (got !== wanted) {
      t.equal(got, wanted, `seed ${seed}, round ${round}: ${path}${query} ${JSON.stringify(fields)}`)
      return
    }
  }
  t.ok(hits > rounds / 20, `${hits} of ${rounds} came from the cache`)
})

/** The cached route sends the host's normal form, so that both spellings have one page. */
function comparable(body: string): string {
  return body
    .toLowerCase()
    .replace(/example:80\b/g, 'example')
    .replaceAll('"', '')
}
