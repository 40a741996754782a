import t from 'tap'
import { answering, eventually, get, labOf, OK, rawBackend, startLab } from './lab.ts'

t.test('connections are admitted by address, number and PROXY header', async (t) => {
  const backend = await rawBackend(answering(() => OK))
  t.teardown(() => backend.close())

  t.test('a denied address is reset', async (t) => {
    const lab = await labOf([backend], { listener: { deny: ['127.0.0.0/8'] } })
    t.teardown(() => lab.close())
    const client = await lab.client()
    client.send(get())
    await client.until((c) => c.closed, 'close')
    t.equal(client.received, '')
  })

  t.test('one connection above the limit is reset, until another ends', async (t) => {
    const lab = await labOf([backend], { listener: { maxConnections: 1 } })
    t.teardown(() => lab.close())
    const first = await lab.client()
    first.send(get())
    await first.text('ok')
    const second = await lab.client()
    await second.until((c) => c.closed, 'close')
    first.socket.destroy()
    await eventually(() => lab.engine.connections === 0, 'first gone')
    const third = await lab.client()
    third.send(get())
    await third.text('ok')
  })

  t.test('the PROXY header names the client', async (t) => {
    const lab = await labOf([backend], { listener: { proxyProtocol: { trusted: ['127.0.0.1'] } } })
    t.teardown(() => lab.close())
    const client = await lab.client()
    client.send('PROXY TCP4 192.0.2.7 198.51.100.1 1000 80\r\n' + get())
    await client.text('ok')
    t.match(backend.connections.at(-1)!.received, /X-Forwarded-For: 192\.0\.2\.7\r\n/)
    const without = await lab.client()
    without.send(get())
    await without.until((c) => c.closed, 'close')
    t.equal(without.received, '')
  })
})

t.test('a backend learns the client by the PROXY protocol, one connection each', async (t) => {
  const backend = await rawBackend((connection) => {
    connection.socket.on('data', () => {
      if (connection.received.endsWith('\r\n\r\n')) connection.send(OK)
    })
  })
  t.teardown(() => backend.close())
  const lab = await labOf([backend], { pool: { proxyProtocol: 'v1' } })
  t.teardown(() => lab.close())
  for (let i = 0; i < 2; i++) {
    const client = await lab.client()
    client.send(get())
    await client.text('ok')
  }
  t.equal(backend.connections.length, 2)
  t.match(backend.connections[0]!.received, /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\nGET /)
})

t.test('a sticky cookie brings a client back to its backend', async (t) => {
  const serve = (name: string) =>
    rawBackend(answering(() => `HTTP/1.1 200 OK\r\nX-Name: ${name}\r\nContent-Length: 0\r\n\r\n`))
  const backends = [await serve('a'), await serve('b')]
  t.teardown(() => Promise.all(backends.map((backend) => backend.close())))
  const lab = await labOf(backends, { pool: { sticky: { cookie: 'lb', ttl: '1h' } } })
  t.teardown(() => lab.close())
  const first = await lab.client()
  first.send(get())
  await first.text('\r\n\r\n')
  const [, cookie] =
    /Set-Cookie: (lb=[0-9a-f]{32}\.[0-9a-z]+); Path=\/; HttpOnly; SameSite=Lax; Max-Age=3600\r\n/.exec(
      first.received
    )!
  const name = /X-Name: (\w)/.exec(first.received)![1]
  for (let i = 0; i < 4; i++) {
    const client = await lab.client()
    client.send(get('/', `Cookie: x=y; ${cookie}\r\n`))
    await client.text('\r\n\r\n')
    t.match(client.received, `X-Name: ${name}\r\n`)
    t.notMatch(client.received, 'Set-Cookie', 'said once')
  }
})

t.test('routes answer, redirect, rewrite, split and mirror', async (t) => {
  const backend = await rawBackend(answering(() => OK))
  t.teardown(() => backend.close())
  const shadow = await rawBackend(answering(() => OK))
  t.teardown(() => shadow.close())
  const lab = await startLab({
    listeners: [
      {
        name: 'web',
        bind: '127.0.0.1:0',
        mode: 'l7',
        routes: [
          { name: 'tea', match: { path: '/tea' }, respond: { status: 418, body: 'short\n' } },
          { name: 'old', match: { path: '/old' }, redirect: { to: '/new', status: 308 } },
          {
            name: 'api',
            match: { pathPrefix: '/api/' },
            rewrite: { stripPrefix: '/api' },
            pool: 'web',
            headers: { request: { set: { 'X-Env': 'test' } }, response: { set: { 'X-Out': '1' } } }
          },
          { name: 'shadowed', match: { path: '/m' }, pool: 'web', mirror: { pool: 'shadow', percent: 100 } },
          {
            name: 'cut',
            match: { path: '/split' },
            split: [
              { pool: 'web', weight: 1 },
              { pool: 'shadow', weight: 1 }
            ]
          }
        ]
      }
    ],
    pools: { web: { backends: [backend.address] }, shadow: { backends: [shadow.address] } }
  })
  t.teardown(() => lab.close())
  const client = await lab.client()
  client.send(get('/tea') + get('/old?x=1') + get('/api/v1?q') + get('/m') + get('/none'))
  await client.text('LB_NO_ROUTE')
  t.match(client.received, /^HTTP\/1.1 418 [^]*\r\n\r\nshort\nHTTP\/1.1 308 [^]*Location: \/new\r\n/)
  t.match(client.received, /X-Out: 1\r\n[^]*HTTP\/1.1 404 /)
  t.match(backend.connections[0]!.received, /^GET \/v1\?q HTTP\/1.1\r\n[^]*X-Env: test\r\n/)
  await eventually(() => shadow.connections[0]?.received.startsWith('GET /m ') === true, 'mirrored')
  for (let i = 0; i < 40; i++) client.send(get('/split'))
  await eventually(
    () =>
      backend.connections.some((c) => c.received.includes('/split')) &&
      shadow.connections.some((c) => c.received.includes('/split')),
    'both pools asked'
  )
})

t.test('a mirrored body is copied when it is whole, up to 64 KiB', async (t) => {
  const backend = await rawBackend(answering(() => OK))
  t.teardown(() => backend.close())
  const shadow = await rawBackend(() => {})
  t.teardown(() => shadow.close())
  const lab = await startLab({
    listeners: [
      {
        name: 'web',
        bind: '127.0.0.1:0',
        mode: 'l7',
        routes: [{ name: 'all', match: {}, pool: 'web', mirror: { pool: 'shadow', percent: 100 } }]
      }
    ],
    pools: { web: { backends: [backend.address] }, shadow: { backends: [shadow.address] } }
  })
  t.teardown(() => lab.close())
  const post = (path: string, fields: string, body: string): string =>
    `POST ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`
  const client = await lab.client()
  client.send(post('/large', 'Content-Length: 70000\r\n', 'x'.repeat(70_000)))
  await client.text('ok')
  client.send(post('/small', 'Content-Length: 5\r\n', 'he'))
  client.send('llo')
  await client.until(({ received }) => received.split('200 OK').length === 3)
  client.send(post('/chunks', 'Transfer-Encoding: chunked\r\n', '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n'))
  const seen = (): string => shadow.connections.map(({ received }) => received).join('')
  await eventually(() => seen().includes('hello') && seen().endsWith('0\r\n\r\n'), 'both copied')
  t.match(seen(), /POST \/small HTTP\/1.1\r\n[^]*Content-Length: 5\r\n\r\nhello/)
  t.match(seen(), /POST \/chunks HTTP\/1.1\r\n[^]*\r\n\r\n(?:3\r\nabc\r\n2\r\nde|5\r\nabcde)\r\n0\r\n\r\n$/)
  t.notMatch(seen(), 'POST /large')
})

t.test('forwarding fields are believed from trusted proxies only', async (t) => {
  const backend = await rawBackend(answering(() => OK))
  t.teardown(() => backend.close())
  const fields =
    'X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Request-Id: abc-1\r\nX-Real-IP: 6.6.6.6\r\n'
  const trusting = await labOf([backend], { listener: { trustedProxies: ['127.0.0.1'] } })
  t.teardown(() => trusting.close())
  const trusted = await trusting.client()
  trusted.send(get('/', fields))
  await trusted.text('ok')
  trusted.send(get('/alone', 'X-Real-IP: 7.7.7.7\r\nX_Real_IP: 8.8.8.8\r\n'))
  await trusted.until(({ received }) => received.split('200 OK').length === 3)
  t.match(backend.connections[0]!.received, 'X-Real-IP: 7.7.7.7\r\n', 'without X-Forwarded-For too')
  t.notMatch(backend.connections[0]!.received, '8.8.8.8')
  const head = backend.connections[0]!.received
  t.match(head, /X-Forwarded-For: 192\.0\.2\.1, 127\.0\.0\.1\r\n/)
  t.match(head, /X-Forwarded-Proto: https\r\n/)
  t.match(head, /X-Request-Id: abc-1\r\n/)

  const doubting = await labOf([backend])
  t.teardown(() => doubting.close())
  const untrusted = await doubting.client()
  untrusted.send(get('/', fields))
  await untrusted.text('ok')
  const other = backend.connections[1]!.received
  t.match(other, /X-Forwarded-For: 127\.0\.0\.1\r\n/)
  t.notMatch(other, /192\.0\.2\.1|https|abc-1|6\.6\.6\.6/)
})

t.test('a request that goes round in circles is 508', async (t) => {
  const lab = await startLab({
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
    pools: { web: { backends: ['127.0.0.1:1'] } }
  })
  t.teardown(() => lab.close())
  const loop = await labOf([`127.0.0.1:${lab.port}`])
  t.teardown(() => loop.close())
  const client = await loop.client()
  const via = `Via: 1.1 ${loop.engine.pseudonym}\r\n`
  client.send(get('/', via.repeat(3)))
  await client.text('LB_LOOP')
  t.match(client.received, /^HTTP\/1.1 508 /)
  const again = await loop.client()
  again.send(get('/', `CDN-Loop: other; v=1.0, ${loop.engine.pseudonym};a="b"\r\n`.repeat(3)))
  await again.text('LB_LOOP')
})

t.test('Via is sent to the sides that the listener names, HTTP/1.0 clients included', async (t) => {
  const ways = [
    [false, false, false],
    ['response', false, true],
    [true, true, true]
  ] as const
  for (const [via, toBackend, toClient] of ways) {
    const backend = await rawBackend(answering(() => OK))
    const lab = await labOf([backend], { listener: { via } })
    const client = await lab.client()
    client.send('GET / HTTP/1.0\r\nHost: a\r\nVia: 1.1 far\r\n\r\n')
    const response = await client.end()
    const request = backend.connections[0]!.received
    t.equal(/Via: 1\.0 lb-/.test(request), toBackend, `via: ${via}, backend`)
    t.match(request, /Via: 1\.1 far\r\n/, "somebody else's passes")
    t.match(request, /CDN-Loop: lb-[0-9a-f]{8}\r\n/)
    t.equal(/Via: 1\.1 lb-/.test(response), toClient, `via: ${via}, client`)
    await lab.close()
    await backend.close()
  }
})

t.test('the access log has a line per exchange, with what an operator asks for', async (t) => {
  const backend = await rawBackend(answering(() => OK))
  t.teardown(() => backend.close())
  const lab = await labOf([backend], { listener: { accessLog: true } })
  t.teardown(() => lab.close())
  const client = await lab.client()
  client.send(get('/a?b'))
  await client.text('ok')
  const line = lab.log.lines.find(({ message }) => message === 'request')!.fields
  t.match(line, {
    listener: 'web',
    method: 'GET',
    target: '/a?b',
    status: 200,
    pool: 'web',
    backend: backend.address,
    bytesOut: 2,
    client: '127.0.0.1'
  })
})

t.test('a mirror that never answers holds a bounded number of copies for a bounded time', async (t) => {
  const backend = await rawBackend(answering(() => OK))
  const shadow = await rawBackend(() => {})
  const lab = await startLab({
    listeners: [
      {
        name: 'web',
        bind: '127.0.0.1:0',
        mode: 'l7',
        routes: [
          { name: 'all', match: {}, pool: 'web', mirror: { pool: 'shadow', max: 3, timeout: '400ms' } }
        ]
      }
    ],
    pools: { web: { backends: [backend.address] }, shadow: { backends: [shadow.address], retry: false } }
  })
  t.teardown(() => Promise.all([lab.close(), backend.close(), shadow.close()]))
  const dropped = (reason: string): number => {
    const labels = { listener: 'web', route: 'all', reason }
    const cell = lab.metrics.counter('lb_mirror_dropped_total', labels) as unknown as {
      values: Float64Array
      at: number
    }
    return cell.values[cell.at]!
  }
  const client = await lab.client()
  for (let i = 0; i < 10; i++) {
    client.send(i % 2 === 0 ? get() : 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi')
    await client.until(({ received }) => received.split('200 OK').length === i + 2)
  }
  t.equal(dropped('full'), 7)
  await eventually(() => dropped('timeout') === 3, 'all three given up')
  t.equal(lab.active, 0)
  t.match(lab.outcomes, [/timeout/, /timeout/, /timeout/], 'and the backend is to blame')
  client.send(get())
  await eventually(() => dropped('timeout') === 4, 'their places are free')
  const late = await lab.client()
  late.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n' + 'x'.repeat(70_000))
  await late.text('200 OK')
  t.equal(dropped('too-large'), 1)
  for (let i = 0; i < 5; i++) {
    const gone = await lab.client()
    gone.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\nhalf')
    await eventually(() => lab.active > 0, 'under way')
    gone.socket.destroy()
    await eventually(() => lab.active === 0, 'gone')
  }
  client.send(get())
  await eventually(() => dropped('timeout') === 5, 'those whose clients left hold no place')
})
