import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import type { Test } from 'tap'
import { httpOrigin, startLb } from '../../e2e/servers.ts'

/** An origin that believes whatever a request says, and lets everything be stored for a minute. */
async function setUp(t: Test, listener: object = {}, route: object = {}, vary?: string) {
  const origin = await httpOrigin(t, 'site', (request, response) => {
    response.setHeader('cache-control', 'max-age=60')
    if (vary !== undefined) response.setHeader('vary', vary)
    let body = ''
    request.setEncoding('latin1').on('data', (part: string) => (body += part))
    request.on('end', () => response.end(`${told(request)} body=${body}`))
  })
  const lb = await startLb(t, {
    workers: 0,
    listeners: [
      {
        name: 'web',
        bind: '127.0.0.1:0',
        mode: 'l7',
        ...listener,
        routes: [{ match: {}, pool: 'web', cache: { store: 'main', ...route } }]
      }
    ],
    pools: { web: { backends: [origin.address] } },
    caches: { main: { maxBytes: '8mb' } }
  })
  return {
    origin,
    ask: (lines: readonly string[], target = '/page', body = '', method = 'GET') =>
      ask(lb.port('web'), lines, target, body, method)
  }
}

const named = [
  'host',
  'accept-language',
  'x-tenant',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-original-url'
]

function told(request: IncomingMessage): string {
  return named
    .flatMap((name) =>
      request.headers[name] === undefined ? [] : [`${name}=${String(request.headers[name])}`]
    )
    .join(' ')
}

/** The whole answer to one request, its lines sent as they are. */
async function ask(
  port: number,
  lines: readonly string[],
  target: string,
  body: string,
  method = 'GET'
): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const all = lines.some((line) => /^connection:/i.test(line)) ? lines : [...lines, 'Connection: close']
  socket.write(`${method} ${target} HTTP/1.1\r\n${all.map((line) => `${line}\r\n`).join('')}\r\n${body}`)
  let text = ''
  socket.setEncoding('latin1').on('data', (part: string) => (text += part))
  await once(socket, 'close')
  return text
}

t.test(
  'the host that a target names is the one in the key, as it is the one that upstream sees',
  async (t) => {
    const { ask } = await setUp(t)
    t.match(
      await ask(['Host: good.example'], 'http://evil.example/page'),
      /fwd=uri-miss[^]*host=evil\.example/
    )
    t.match(await ask(['Host: good.example']), /fwd=uri-miss[^]*host=good\.example/)
    t.match(await ask(['Host: other.example'], 'http://good.example/page'), /lb; hit[^]*host=good\.example/)
  }
)

t.test(
  'a field that Connection takes away on the way to upstream does not choose what is stored',
  async (t) => {
    const { ask } = await setUp(t, {}, { key: { headers: ['x-tenant'] } }, 'Accept-Language')
    const german = ['Host: a', 'Accept-Language: de', 'X-Tenant: 7']
    t.match(await ask(['Host: a']), /fwd=uri-miss/)
    for (const name of ['accept-language', 'x-tenant', 'accept-language, x-tenant'])
      await ask([...german, `Connection: close, ${name}`])
    t.match(await ask(german), /fwd=(uri|vary)-miss[^]*accept-language=de x-tenant=7/)
    t.match(await ask(german), /lb; hit[^]*accept-language=de x-tenant=7/)
  }
)

t.test('a GET with a body is neither stored nor answered from what is stored', async (t) => {
  const { ask, origin } = await setUp(t)
  const fat = ['Host: a', 'Content-Length: 4']
  t.match(await ask(fat, '/page', 'evil'), /fwd=bypass[^]*body=evil/)
  t.match(
    await ask(['Host: a', 'Transfer-Encoding: chunked'], '/page', '4\r\nevil\r\n0\r\n\r\n'),
    /body=evil/
  )
  t.notMatch(await ask(['Host: a']), /evil/)
  t.match(await ask(['Host: a']), /lb; hit/)
  t.match(await ask(fat, '/page', 'seen'), /fwd=bypass[^]*body=seen/)
  t.equal(origin.requests, 4)
})

t.test('what clients say of hosts and URLs reaches no upstream', async (t) => {
  const { ask } = await setUp(t)
  const lies = [
    'X-Forwarded-Host: evil',
    'X-Original-URL: /admin',
    'X_Forwarded_Host: evil',
    'X-Forwarded-Proto: https'
  ]
  const first = await ask(['Host: a', ...lies])
  t.match(first, /x-forwarded-host=a x-forwarded-proto=http body/)
  t.notMatch(first, /evil|admin/)
  t.match(await ask(['Host: a']), /lb; hit/)
})

t.test('what a trusted proxy says of host, scheme and URL is in the key', async (t) => {
  const { ask, origin } = await setUp(t, { trustedProxies: ['127.0.0.0/8'] })
  const kinds = [
    [],
    ['X-Forwarded-Proto: https'],
    ['X-Forwarded-Host: other'],
    ['X-Forwarded-For: 10.0.0.1', 'X-Original-URL: /other'],
    ['X-Forwarded-For: 10.0.0.1', 'X-Forwarded-Prefix: /x'],
    ['Forwarded: for=10.0.0.1;host=other;proto=https']
  ]
  for (const [n, lines] of kinds.entries()) {
    t.match(await ask(['Host: a', ...lines]), /fwd=uri-miss/, String(lines))
    t.equal(origin.requests, n + 1)
  }
  for (const lines of kinds) t.match(await ask(['Host: a', ...lines]), /lb; hit/, String(lines))
  // Whom the request comes from, and what lb itself would say, makes no difference.
  const same = ['X-Forwarded-For: 10.0.0.2', 'X-Forwarded-Host: a', 'X-Forwarded-Proto: http']
  t.match(await ask(['Host: a', ...same]), /lb; hit/)
  t.match(await ask(['Host: a', 'Forwarded: for="[::1]:7", for=10.0.0.9;host=other;proto=https']), /lb; hit/)
  t.match(await ask(['Host: a', 'Forwarded: for=10.0.0.3; Host="other" ;proto=https']), /lb; hit/)
})

t.test('what one route stored is not served by another for the same URL', async (t) => {
  const origins = await Promise.all(
    ['canary', 'office', 'internal', 'site'].map((name) =>
      httpOrigin(t, name, (_, response) => {
        response.setHeader('cache-control', 'max-age=60')
        response.end(name)
      })
    )
  )
  const [canary, office, internal, site] = origins.map(({ address }) => ({ backends: [address] }))
  const cache = { store: 'main' }
  const listener = (name: string, routes: object[]) => ({ name, bind: '127.0.0.1:0', mode: 'l7', routes })
  const lb = await startLb(t, {
    workers: 0,
    listeners: [
      {
        ...listener('web', [
          { match: { headers: { 'x-canary': '1' } }, pool: 'canary', cache },
          { match: { clientIp: ['10.0.0.0/8'] }, pool: 'office', cache },
          { match: {}, pool: 'site', cache }
        ]),
        trustedProxies: ['127.0.0.0/8']
      },
      listener('internal', [{ match: {}, pool: 'internal', cache }])
    ],
    pools: { canary, office, internal, site },
    caches: { main: { maxBytes: '8mb' } }
  })
  const kinds: [string, string, string[]][] = [
    ['canary', 'web', ['X-Canary: 1']],
    ['office', 'web', ['X-Forwarded-For: 10.0.0.1']],
    ['internal', 'internal', []],
    ['site', 'web', []]
  ]
  for (const outcome of [/fwd=uri-miss/, /lb; hit/]) {
    for (const [name, through, lines] of kinds) {
      const answer = await ask(lb.port(through), ['Host: a', ...lines], '/page', '')
      t.match(answer, new RegExp(`\r\n\r\n${name}$`), name)
      t.match(answer, outcome)
    }
  }
})

t.test('an unsafe request removes what was stored for the same spelling, over the same proxy', async (t) => {
  const { ask } = await setUp(t, { trustedProxies: ['127.0.0.0/8'] })
  const proxied = [
    'Host: a',
    'X-Forwarded-For: 10.0.0.1',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Port: 443'
  ]
  for (const [lines, target] of [
    [proxied, '/page'],
    [['Host: a'], '/page'],
    [['Host: a'], '/p%41ge']
  ] as const) {
    t.match(await ask(lines, target), /fwd=uri-miss/)
    t.match(await ask(lines, target), /lb; hit/)
    await ask(lines, target, '', 'DELETE')
    t.match(await ask(lines, target), /fwd=uri-miss/)
  }
})

t.test('a status that tells of one request is given to no other, whatever its lifetime', async (t) => {
  const origin = await httpOrigin(t, 'site', (request, response) => {
    response.setHeader('cache-control', 'public, max-age=60')
    response.statusCode = Number(request.headers['x-status'] ?? 200)
    response.end('page')
  })
  const lb = await startLb(t, {
    workers: 0,
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', routes: [{ match: {}, pool: 'web', cache: { store: 'main' } }] }], // prettier-ignore
    pools: { web: { backends: [origin.address] } },
    caches: { main: { maxBytes: '8mb' } }
  })
  const get = (target: string, ...lines: string[]) => ask(lb.port('web'), ['Host: a', ...lines], target, '')
  for (const status of [417, 428, 429, 431, 511, 416]) {
    const range = status === 416 ? ['Range: bytes=999-'] : []
    t.match(await get(`/${status}`, `X-Status: ${status}`, ...range), /fwd=uri-miss[^]*detail=status/)
    t.match(await get(`/${status}`), /^HTTP\/1\.1 200 [^]*fwd=uri-miss/, `${status} is not what others get`)
  }
  await get('/404', 'X-Status: 404')
  t.match(await get('/404'), /^HTTP\/1\.1 404 [^]*lb; hit/, 'one of the target is')
})
