import t from 'tap'
import { answering, eventually, get, labOf, OK, rawBackend } from './lab.ts'

t.test('a connection is kept on both sides', async (t) => {
  const backend = await rawBackend(answering(() => OK))
  t.teardown(() => backend.close())
  const lab = await labOf([backend])
  t.teardown(() => lab.close())
  const client = await lab.client()
  for (let i = 1; i <= 3; i++) {
    client.send(get())
    await client.until((c) => c.received.split('\r\n\r\nok').length === i + 1, `answer ${i}`)
  }
  t.equal(backend.connections.length, 1)
  t.equal(lab.active, 0)
  t.equal(lab.open, 1)
})

t.test('fields of one hop are taken out, and those of this hop added', async (t) => {
  const backend = await rawBackend(
    answering(
      () =>
        'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nConnection: X-Secret\r\nX-Secret: 1\r\nServer: me\r\nContent-Length: 0\r\n\r\n'
    )
  )
  t.teardown(() => backend.close())
  const lab = await labOf([backend])
  t.teardown(() => lab.close())
  const client = await lab.client()
  client.send(
    get(
      '/a?b',
      'Connection: keep-alive, X-Drop\r\nX-Drop: 1\r\nx-Kept: 2\r\nX-Forwarded-For: 6.6.6.6\r\nTE: trailers\r\n'
    )
  )
  await client.text('\r\n\r\n')
  const head = backend.connections[0]!.received
  t.match(head, /^GET \/a\?b HTTP\/1\.1\r\nHost: example\.test\r\nx-Kept: 2\r\n/)
  t.notMatch(head, /X-Drop|6\.6\.6\.6/)
  t.match(head, /X-Forwarded-For: 127\.0\.0\.1\r\n/)
  t.match(head, /X-Forwarded-Proto: http\r\n/)
  t.match(head, /X-Forwarded-Host: example\.test\r\n/)
  t.match(head, /CDN-Loop: lb-/)
  t.notMatch(head, /Via:/)
  t.match(client.received, /Via: 1\.1 lb-/)
  t.match(head, /Connection: TE\r\nTE: trailers\r\n/)
  t.notMatch(client.received, /X-Secret|Keep-Alive/)
  t.match(client.received, /Server: me\r\n/)
  t.match(client.received, /Date: /)
})

t.test('bodies pass both ways, whatever their framing', async (t) => {
  const backend = await rawBackend((connection) => {
    connection.socket.on('data', () => {
      if (connection.received.endsWith('0\r\n\r\n') || connection.received.endsWith('hello')) {
        connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n')
      }
    })
  })
  t.teardown(() => backend.close())
  const lab = await labOf([backend])
  t.teardown(() => lab.close())

  t.test('Content-Length', async (t) => {
    const client = await lab.client()
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello')
    await client.text('0\r\n\r\n')
    t.match(client.received, /Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n$/)
    t.match(backend.connections[0]!.received, /Content-Length: 5\r\n\r\nhello$/)
  })

  t.test('chunked, byte by byte', async (t) => {
    const client = await lab.client()
    const message =
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;q="\\""\r\n world\r\n0\r\n\r\n'
    for (const byte of message) {
      client.send(byte)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await client.text('0\r\n\r\n')
    const body = backend.connections[0]!.received.split('chunked\r\n\r\n').at(-1)!
    const pieces = body.split('\r\n').filter((_, i) => i % 2 === 1)
    t.equal(pieces.join(''), 'hello world')
  })

  t.test('an HTTP/1.0 client gets no chunks', async (t) => {
    const client = await lab.client()
    client.send('POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello')
    t.match(await client.end(), /Connection: close\r\n\r\nabc$/)
    t.notMatch(client.received, /chunked/i)
  })
})

t.test('pipelined requests are answered in order', async (t) => {
  const backend = await rawBackend(
    answering((head) => {
      const path = /GET (\S+)/.exec(head)![1]!
      return `HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`
    })
  )
  t.teardown(() => backend.close())
  const lab = await labOf([backend])
  t.teardown(() => lab.close())
  const client = await lab.client()
  client.send(Array.from({ length: 50 }, (_, i) => get(`/n${i}`)).join(''))
  await client.text('/n49')
  const bodies = [...client.received.matchAll(/\r\n\r\n\/n(\d+)/g)].map((match) => Number(match[1]))
  t.same(
    bodies,
    Array.from({ length: 50 }, (_, i) => i)
  )
})

t.test('an upstream connection with pipelining gives every client its own answer', async (t) => {
  const backend = await rawBackend(
    answering((head) => {
      const path = /GET (\S+)/.exec(head)![1]!
      return `HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`
    })
  )
  t.teardown(() => backend.close())
  const lab = await labOf([backend], { pool: { connections: { maxIdle: 4, pipelining: 8 } } })
  t.teardown(() => lab.close())
  const clients = await Promise.all(Array.from({ length: 40 }, () => lab.client()))
  for (let round = 0; round < 5; round++) {
    clients.forEach((client, i) => client.send(get(`/${i}-${round}`)))
    await Promise.all(clients.map((client, i) => client.text(`\r\n\r\n/${i}-${round}`)))
  }
  clients.forEach((client, i) => {
    const bodies = [...client.received.matchAll(/\r\n\r\n(\/\S+?)(?=HTTP|$)/g)].map((match) => match[1])
    t.same(
      bodies,
      [0, 1, 2, 3, 4].map((round) => `/${i}-${round}`)
    )
  })
  t.equal(lab.active, 0)
})

t.test('Expect: 100-continue and early hints pass end to end', async (t) => {
  const backend = await rawBackend((connection) => {
    connection.socket.on('data', () => {
      if (connection.received.endsWith('\r\n\r\n')) {
        connection.send('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
      }
      if (connection.received.endsWith('hello')) connection.send(OK)
    })
  })
  t.teardown(() => backend.close())
  const lab = await labOf([backend])
  t.teardown(() => lab.close())
  const client = await lab.client()
  client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n')
  await client.text('103 Early Hints\r\nLink: </a>\r\n\r\n')
  t.match(client.received, /^HTTP\/1\.1 100 Continue\r\n\r\n/)
  client.send('hello')
  await client.text('\r\n\r\nok')
})

t.test('a response that lasts until the connection closes becomes chunked', async (t) => {
  const backend = await rawBackend(
    answering((_head, connection) => {
      connection.socket.end('HTTP/1.0 200 OK\r\n\r\nall of it')
      return ''
    })
  )
  t.teardown(() => backend.close())
  const lab = await labOf([backend])
  t.teardown(() => lab.close())
  const client = await lab.client()
  client.send(get())
  await client.text('0\r\n\r\n')
  t.match(client.received, /chunked\r\n\r\n9\r\nall of it\r\n0\r\n\r\n$/)
})

t.test('HEAD, 204 and 304 have no body', async (t) => {
  const backend = await rawBackend(
    answering((head) => {
      if (head.startsWith('HEAD')) return 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n'
      if (head.includes('/204')) return 'HTTP/1.1 204 No Content\r\n\r\n'
      return 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "a"\r\n\r\n'
    })
  )
  t.teardown(() => backend.close())
  const lab = await labOf([backend])
  t.teardown(() => lab.close())
  const client = await lab.client()
  client.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n' + get('/204') + get('/304'))
  await client.text('"a"')
  await eventually(() => lab.active === 0, 'all leases back')
  t.match(client.received, /200 OK\r\n[^]*Content-Length: 100\r\n\r\nHTTP\/1.1 204 No Content\r\n/)
  t.notMatch(client.received.split('204 No Content')[1]!.split('HTTP/1.1 304')[0]!, /Content-Length/)
})

t.test('a tunnel begins after 101 and carries what came with it', async (t) => {
  const backend = await rawBackend((connection) => {
    connection.socket.on('data', (chunk: Buffer) => {
      if (connection.received.endsWith('\r\n\r\n')) {
        connection.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhi')
      } else {
        connection.socket.write(chunk)
      }
    })
  })
  t.teardown(() => backend.close())
  const lab = await labOf([backend])
  t.teardown(() => lab.close())
  const client = await lab.client()
  client.send(get('/', 'Connection: Upgrade\r\nUpgrade: echo\r\n'))
  await client.text('\r\n\r\nhi')
  t.match(client.received, /Connection: Upgrade\r\nUpgrade: echo\r\n/)
  client.send('ping')
  await client.text('hiping')
  t.equal(lab.active, 1)
  client.socket.end()
  await eventually(() => backend.connections[0]!.ended, 'FIN passed on')
  backend.connections[0]!.socket.end()
  await eventually(() => lab.active === 0 && lab.engine.connections === 0 && lab.open === 0, 'all given back')
})

t.test('a 101 for an upgrade that was not requested is a malformed response', async (t) => {
  for (const upgrade of ['Upgrade: h2c\r\n', '', 'Upgrade: websocket, h2c\r\n']) {
    const backend = await rawBackend(
      answering(() => `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n${upgrade}\r\n`)
    )
    t.teardown(() => backend.close())
    const lab = await labOf([backend])
    t.teardown(() => lab.close())
    const client = await lab.client()
    client.send(get('/', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'))
    await client.text('LB_UPSTREAM_PROTOCOL')
    t.match(client.received, /^HTTP\/1.1 502 /)
    await eventually(() => lab.active === 0 && lab.open === 0, 'given back')
  }
})

t.test('TRACE with a body is refused, and one that may go no further is answered', async (t) => {
  const backend = await rawBackend(answering(() => OK))
  t.teardown(() => backend.close())
  const lab = await labOf([backend], { listener: { trace: true } })
  t.teardown(() => lab.close())
  const client = await lab.client()
  const trace = 'TRACE / HTTP/1.1\r\nHost: a\r\n'
  client.send(`${trace}Max-Forwards: 0\r\n\r\n${trace}Content-Length: 1\r\n\r\na`)
  t.match(await client.end(), /^HTTP\/1.1 405 [^]*Allow: GET, [^]*HTTP\/1.1 400 /)
  t.equal(backend.connections.length, 0)
})

t.test('what cannot be read as a request is refused and the connection closed', async (t) => {
  const backend = await rawBackend(answering(() => OK))
  t.teardown(() => backend.close())
  const lab = await labOf([backend], {
    listener: { limits: { headBytes: '1kb', headerCount: 5, urlBytes: '100b' } }
  })
  t.teardown(() => lab.close())
  const cases: [string, number][] = [
    ['GET / HTTP/1.1\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost: a@b\r\n\r\n', 400],
    ['GET / HTTP/1.1\nHost: a\n\n', 400],
    ['GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: magic\r\n\r\n0\r\n\r\n', 501],
    ['POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['GET /\r\n', 400],
    ['GET HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['GET / HTTP/1\r\nHost: a\r\n\r\n', 400],
    ['GET / HTTP/01.01\r\nHost: a\r\n\r\n', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n', 501],
    ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: deflate, chunked\r\n\r\n0\r\n\r\n', 501],
    ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n', 400],
    ['GET / HTTP/0.9\r\nHost: a\r\n\r\n', 505],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
    ['BREW / HTTP/1.1\r\nHost: a\r\n\r\n', 501],
    ['CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n', 405],
    ['TRACE / HTTP/1.1\r\nHost: a\r\n\r\n', 405],
    ['GET * HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['GET /../a HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['GET /%2f..%2f.. HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    [`GET /${'a'.repeat(200)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    [get('/', `X: ${'a'.repeat(1100)}\r\n`), 431],
    [get('/', 'A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\n'), 431],
    [get('/', 'Expect: gold\r\n'), 417],
    ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400]
  ]
  for (const [message, status] of cases) {
    const client = await lab.client()
    client.send(message)
    await client.text('\r\n\r\n')
    const name = JSON.stringify(message.slice(0, 80))
    t.match(client.received, new RegExp(`^HTTP/1\\.1 ${status} `), `${status} for ${name}`)
    if (
      status !== 405 &&
      !message.includes('..') &&
      !message.includes('%2f') &&
      !message.startsWith('GET *')
    ) {
      await client.end()
    }
  }
  t.equal(backend.connections.length, 0)
})

t.test('a tracestate without a valid traceparent is not passed on', async (t) => {
  const backend = await rawBackend(answering(() => OK))
  const lab = await labOf([backend])
  t.teardown(() => lab.close())
  t.teardown(() => backend.close())
  const client = await lab.client()
  client.send(get('/a', 'tracestate: evil=1\r\n') + get('/b', 'traceparent: no\r\ntracestate: evil=1\r\n'))
  await client.until(({ received }) => received.split('HTTP/1.1 200').length === 3, 'answers')
  const heads = backend.connections.map(({ received }) => received).join('')
  t.notMatch(heads, /evil/)
  t.equal(heads.match(/^traceparent: 00-/gm)?.length, 2)
})
