import t from 'tap'
import { answering, eventually, get, labOf, OK, rawBackend } from './lab.ts'

t.test('timeouts have an answer each', async (t) => {
  const silent = await rawBackend(() => {})
  t.teardown(() => silent.close())
  const lab = await labOf([silent], {
    pool: { retry: false, timeouts: { response: '100ms', idle: '100ms' }, breaker: false },
    listener: { timeouts: { requestHeaders: '100ms', idle: '100ms', keepAlive: '200ms' } }
  })
  t.teardown(() => lab.close())

  t.test('a head that does not end is 408', async (t) => {
    const client = await lab.client()
    client.send('GET / HTTP/1.1\r\nHo')
    t.match(await client.end(), /^HTTP\/1.1 408 /)
  })

  t.test('a body that does not come is 408', async (t) => {
    const client = await lab.client()
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhel')
    await client.text('\r\n\r\n')
    t.match(client.received, /^HTTP\/1.1 (408|504) /)
  })

  t.test('a backend that does not answer is 504', async (t) => {
    const client = await lab.client()
    client.send(get())
    await client.text('LB_RESPONSE_TIMEOUT')
    t.match(client.received, /^HTTP\/1.1 504 /)
  })

  t.test('a connection without requests is closed without a word', async (t) => {
    const client = await lab.client()
    t.equal(await client.end(), '')
  })
  await eventually(() => lab.active === 0 && lab.open === 0, 'nothing left')
})

t.test('a backend that stops within its body breaks the response off', async (t) => {
  const backend = await rawBackend(answering(() => 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart'))
  t.teardown(() => backend.close())
  const lab = await labOf([backend], { pool: { timeouts: { idle: '100ms' } } })
  t.teardown(() => lab.close())
  const client = await lab.client()
  client.send(get())
  await client.end()
  t.match(client.received, /part$/)
  await eventually(
    () => lab.log.lines.some((line) => (line.fields as { code?: string }).code === 'LB_UPSTREAM_IDLE'),
    'logged'
  )
})

t.test('a pool at its limit queues, then refuses', async (t) => {
  const waiting: (() => void)[] = []
  const backend = await rawBackend((connection) =>
    connection.socket.on('data', () => waiting.push(() => connection.send(OK)))
  )
  t.teardown(() => backend.close())
  const lab = await labOf([], {
    pool: {
      backends: [{ address: backend.address, maxConnections: 1 }],
      queue: { max: 1, timeout: '200ms' }
    }
  })
  t.teardown(() => lab.close())
  const [first, second, third] = [await lab.client(), await lab.client(), await lab.client()]
  first.send(get())
  await eventually(() => waiting.length === 1, 'first at the backend')
  second.send(get())
  await eventually(() => lab.pools.get('web')!.waiting === 1, 'second waits')
  third.send(get())
  await third.text('LB_QUEUE_FULL')
  t.match(third.received, /^HTTP\/1.1 503 [^]*Retry-After: 1\r\n/)
  waiting.shift()!()
  await first.text('\r\n\r\nok')
  await eventually(() => waiting.length === 1, 'second at the backend')
  waiting.shift()!()
  await second.text('\r\n\r\nok')
  t.equal(backend.connections.length, 1)

  first.send(get())
  await eventually(() => waiting.length === 1, 'first again')
  second.send(get())
  await second.text('LB_QUEUE_TIMEOUT')
})

t.test('bodies above the limit are refused, announced or not', async (t) => {
  const backend = await rawBackend(answering(() => OK))
  t.teardown(() => backend.close())
  const lab = await labOf([backend], { listener: { limits: { bodyBytes: '10b' } } })
  t.teardown(() => lab.close())
  const announced = await lab.client()
  announced.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n')
  t.match(await announced.end(), /^HTTP\/1.1 413 /)
  const chunked = await lab.client()
  chunked.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n')
  t.match(await chunked.end(), /^HTTP\/1.1 413 /)
  await eventually(() => lab.active === 0, 'lease back')
})

t.test('a slow reader holds the backend back, not memory', async (t) => {
  let sent = 0
  const chunk = Buffer.alloc(65_536, 97)
  const backend = await rawBackend((connection) => {
    connection.socket.once('data', () => {
      connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${chunk.length * 1000}\r\n\r\n`)
      const push = (): void => {
        while (sent < 1000) {
          sent++
          if (!connection.socket.write(chunk)) return void connection.socket.once('drain', push)
        }
      }
      push()
    })
  })
  t.teardown(() => backend.close())
  const lab = await labOf([backend])
  t.teardown(() => lab.close())
  const client = await lab.client()
  client.socket.pause()
  client.send(get())
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.ok(sent < 300, `sent ${sent} of 1000 while nobody reads`)
  client.socket.removeAllListeners('data')
  let bytes = 0
  client.socket.on('data', (data: Buffer) => (bytes += data.length))
  client.socket.resume()
  await eventually(() => bytes > chunk.length * 1000, 'all of it')
  t.equal(lab.active, 0)
})

t.test('a draining engine finishes what is under way and closes', async (t) => {
  const waiting: (() => void)[] = []
  const backend = await rawBackend((connection) =>
    connection.socket.on('data', () => waiting.push(() => connection.send(OK)))
  )
  t.teardown(() => backend.close())
  const lab = await labOf([backend])
  t.teardown(() => lab.close())
  const [busy, idle] = [await lab.client(), await lab.client()]
  busy.send(get())
  await eventually(() => waiting.length === 1, 'at the backend')
  lab.engine.drain()
  t.equal(await idle.end(), '')
  waiting.shift()!()
  t.match(await busy.end(), /Connection: close\r\n\r\nok$/)
  await eventually(() => lab.engine.connections === 0, 'no connection left')
})
