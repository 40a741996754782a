import t from 'tap'
import { IdleLimit } from '../../../src/l7/http1/client/resting.ts'
import { answering, eventually, get, labOf, OK, rawBackend } from './lab.ts'

const settle = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

t.test('the idle time of a backend is learnt from two FINs that agree, and forgotten in time', async (t) => {
  const limit = new IdleLimit()
  t.equal(limit.within(55_000, 0), 55_000)
  limit.closed(5_010, 10_000)
  t.equal(limit.within(55_000, 10_000), 55_000, 'once may be a restart')
  limit.closed(5_050, 10_100)
  t.equal(limit.within(55_000, 10_100), 55_000, 'so may be two at once')
  limit.closed(1_000, 20_000)
  t.equal(limit.within(55_000, 20_000), 55_000, 'of different ages')
  limit.closed(5_000, 30_000)
  limit.closed(5_020, 40_000)
  t.equal(limit.within(55_000, 40_000), 4_500)
  t.equal(limit.within(2_000, 40_000), 2_000, 'never longer than keepAlive')
  limit.closed(1_000, 50_000)
  t.equal(limit.within(55_000, 50_000), 4_500, 'a restart')
  limit.closed(3_000, 60_000)
  t.equal(
    limit.within(55_000, 60_000),
    2_700,
    'one that is before corrects it: servers that look around now and then'
  )
  t.equal(limit.within(55_000, 60_000 + 11 * 60_000), 55_000, 'looked at again')
})

t.test('connections are retired before a backend closes them', async (t) => {
  const backend = await rawBackend((connection) => {
    answering(() => OK)(connection)
    let timer: NodeJS.Timeout | undefined
    connection.socket.on('data', () => {
      clearTimeout(timer)
      timer = setTimeout(() => connection.socket.end(), 1500)
    })
  })
  const lab = await labOf([backend], { pool: { timeouts: { keepAlive: '1m' } } })
  const client = await lab.client()
  for (let i = 0; i < 2; i++) {
    client.send(get())
    await client.until((c) => c.received.split('ok').length === i + 2)
    await eventually(() => lab.open === 0, 'closed by the backend')
  }
  client.send(get())
  await client.until((c) => c.received.split('ok').length === 4)
  const last = backend.connections.at(-1)!
  await eventually(() => last.ended, 'closed by us first')
  t.notOk(last.socket.writableEnded, 'before the backend')
  await lab.close()
  await backend.close()
})

t.test('a connection is trusted with a POST as long as one of the backend has been seen open', (t) => {
  const limit = new IdleLimit()
  t.ok(limit.trusts(700))
  t.notOk(limit.trusts(1_000), 'nobody knows how long the backend keeps it')
  limit.lasts(6_000)
  t.ok(limit.trusts(5_000))
  t.notOk(limit.trusts(5_500), 'it may have been closed a moment ago')
  limit.closed(5_200, 10_000)
  t.notOk(limit.trusts(5_000), 'as it was')
  limit.closed(5_100, 20_000)
  t.ok(limit.trusts(2_500), 'by half of what was learnt')
  t.notOk(limit.trusts(4_000))
  t.end()
})

t.test('a POST does not go out on a connection that has rested for a while, a GET does', async (t) => {
  const backend = await rawBackend(answering(() => OK))
  const lab = await labOf([backend], { pool: { timeouts: { keepAlive: '1m' } } })
  const client = await lab.client()
  const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'
  const answered = async (request: string, count: number) => {
    client.send(request)
    await client.until((c) => c.received.split('ok').length === count + 1)
  }
  await answered(post, 1)
  await settle(1_000)
  await answered(post, 2)
  t.equal(backend.connections.length, 2)
  await settle(1_000)
  await answered(get(), 3)
  t.equal(backend.connections.length, 2)
  await lab.close()
  await backend.close()
})

t.test('a POST with an Idempotency-Key is retried where retry.when allows it', async (t) => {
  for (const [when, key, again] of [
    ['idempotency-key', 'Idempotency-Key: "a"\r\n', true],
    ['idempotency-key', '', false],
    ['idempotent', 'Idempotency-Key: "a"\r\n', false],
    ['always', '', true]
  ] as const) {
    const bad = await rawBackend((connection) => {
      connection.socket.on('data', () => connection.socket.destroy())
    })
    const good = await rawBackend(answering(() => OK))
    const lab = await labOf([bad, good], {
      pool: { retry: { when, attempts: 1 }, algorithm: 'first' }
    })
    const client = await lab.client()
    client.send(`POST / HTTP/1.1\r\nHost: a\r\n${key}Content-Length: 2\r\n\r\nhi`)
    await client.text('\r\n\r\n')
    t.match(client.received, again ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 502 /, `${when} ${key}`)
    if (again) t.match(good.connections[0]!.received, /\r\n\r\nhi$/)
    await lab.close()
    await bad.close()
    await good.close()
  }
})

t.test(
  'every POST with an Idempotency-Key is served beside a backend that drops each, with the budget as it is',
  async (t) => {
    const good = await rawBackend(answering(() => OK))
    const bad = await rawBackend((connection) => {
      connection.socket.on('data', () => connection.socket.destroy())
    })
    const lab = await labOf([good, bad], { pool: { retry: { when: 'idempotency-key' } } })
    const client = await lab.client()
    // Five failures open the breaker of the bad one.
    for (let i = 1; i <= 16; i++) {
      client.send(`POST / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: "${i}"\r\nContent-Length: 2\r\n\r\nhi`)
      await client.until((c) => c.received.split('HTTP/1.1 ').length === i + 1, `answer ${i}`)
    }
    t.equal(
      client.received.split('HTTP/1.1 200 ').length,
      17,
      (client.received.match(/HTTP\S+ \d+/g) ?? []).join(' ')
    )
    t.ok(bad.connections.length >= 4, `${bad.connections.length} were dropped`)
    await lab.close()
    await good.close()
    await bad.close()
  }
)

t.test('a buffered request is forwarded with its length once the client has sent all of it', async (t) => {
  const backend = await rawBackend(answering((head) => (head.includes('/long') ? '' : OK)))
  const lab = await labOf([backend], { listener: { buffer: { request: '64kb' } } })
  const client = await lab.client()
  client.send(
    'POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\nExpect: 100-continue\r\n\r\n'
  )
  await client.text('HTTP/1.1 100 Continue\r\n\r\n')
  client.send('3\r\nabc\r\n')
  await settle(200)
  t.equal(backend.connections.length, 0, 'no backend is asked yet')
  client.send('3\r\ndef\r\n0\r\nx: 1\r\n\r\n')
  await client.text('ok')
  const { received } = backend.connections[0]!
  t.match(received, /\r\nContent-Length: 6\r\n/)
  t.notMatch(received, /Transfer-Encoding|Expect|\r\nTrailer/i)
  t.match(received, /\r\n\r\nabcdef$/)
  // The connection goes on.
  client.send('POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi' + get('/c'))
  await client.until((c) => c.received.split('ok').length === 4, 'both answered')
  const long = await lab.client()
  long.send(`POST /long HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`)
  const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`
  for (let i = 0; i < 6; i++) long.send(chunk)
  await eventually(
    () => backend.connections.some((c) => c.received.includes('/long')),
    'what is longer goes on'
  )
  for (let i = 0; i < 6; i++) long.send(chunk)
  long.send('0\r\n\r\n')
  await eventually(
    () => backend.connections.some((c) => c.received.includes('/long') && c.received.endsWith('0\r\n\r\n')),
    'to its end'
  )
  const whole = backend.connections.find((c) => c.received.includes('/long'))!.received
  t.equal(whole.split('x').length - 1 - (whole.split('\r\n\r\n')[0]!.split('x').length - 1), 12 * 0x4000)
  const gone = await lab.client()
  gone.send('POST /gone HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc')
  await settle(100)
  gone.socket.destroy()
  await eventually(() => lab.engine.connections === 2, 'the one that left is forgotten')
  t.notOk(backend.connections.some((c) => c.received.includes('/gone')))
  await lab.close()
  await backend.close()
})

t.test('a buffered body beyond 64 kB is sent again as a whole', async (t) => {
  const bad = await rawBackend((connection) => {
    connection.socket.on('data', () => {
      if (connection.received.length > 200_000) connection.socket.destroy()
    })
  })
  const good = await rawBackend(answering(() => OK))
  const lab = await labOf([bad, good], {
    pool: { algorithm: 'first', retry: { when: 'always' } },
    listener: { buffer: { request: '1mb' } }
  })
  const client = await lab.client()
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n${'y'.repeat(300_000)}`)
  await client.text('ok')
  t.match(client.received, /^HTTP\/1\.1 200 /)
  t.equal(good.connections[0]!.received.split('y').length - 1 >= 300_000, true)
  await lab.close()
  await bad.close()
  await good.close()
})

t.test(
  'a stripped prefix is told, behind that of a trusted proxy; a sticky cookie is Secure behind one that ends TLS',
  async (t) => {
    const backend = await rawBackend(answering(() => OK))
    for (const [trustedProxies, prefix, secure] of [
      [['127.0.0.0/8'], '/outer/api', true],
      [[], '/api', false]
    ] as const) {
      const lab = await labOf([backend], {
        pool: { sticky: { cookie: 'lb' } },
        listener: {
          pool: undefined,
          trustedProxies,
          routes: [{ match: { pathPrefix: '/api' }, rewrite: { stripPrefix: '/api' }, pool: 'web' }]
        }
      })
      const client = await lab.client()
      const before = backend.connections.length
      client.send(get('/api/x', 'X-Forwarded-Proto: https\r\nX-Forwarded-Prefix: /outer/\r\n'))
      await client.text('ok')
      const { received } = backend.connections[before]!
      t.match(received, /^GET \/x HTTP/)
      t.strictSame(received.match(/X-Forwarded-Prefix: .*/g), [`X-Forwarded-Prefix: ${prefix}`])
      t.equal(/Set-Cookie: .*; Secure\r\n/.test(client.received), secure)
      await lab.close()
    }
    await backend.close()
  }
)
