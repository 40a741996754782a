import t from 'tap'
import { answering, eventually, get, labOf, OK, rawBackend, type RawBackend } from './lab.ts'

async function later(backend: RawBackend): Promise<(text: string) => void> {
  await eventually(() => backend.connections.some((c) => c.received.includes('\r\n\r\n')), 'request')
  const connection = backend.connections.find((c) => c.received.includes('\r\n\r\n'))!
  return (text) => connection.send(text)
}

t.test(
  'a client that sends FIN behind its request is answered however slow the backend, then gets a FIN',
  async (t) => {
    const cases: { name: string; requests: string; answers: string[]; expected: RegExp }[] = [
      { name: 'a length', requests: get(), answers: [OK], expected: /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok$/ },
      {
        name: 'chunks with a silence between',
        requests: get(),
        answers: [
          'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n',
          '3\r\ntwo\r\n0\r\n\r\n'
        ],
        expected: /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n3\r\none\r\n0{0,2}3\r\ntwo\r\n0{0,2}0\r\n\r\n$/
      },
      {
        name: 'an interim answer',
        requests: get(),
        answers: ['HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n', OK],
        expected: /^HTTP\/1\.1 103 [^]*\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*ok$/
      },
      {
        name: 'HTTP/1.0, to the end of the connection',
        requests: 'GET / HTTP/1.0\r\nHost: a\r\n\r\n',
        answers: ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n'],
        expected: /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\none$/
      },
      {
        name: 'a 304',
        requests: get(),
        answers: ['HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n'],
        expected: /^HTTP\/1\.1 304 Not Modified\r\n/
      }
    ]
    await Promise.all(
      cases.map(async ({ name, requests, answers, expected }) => {
        const backend = await rawBackend(() => {})
        const lab = await labOf([backend])
        const client = await lab.client()
        client.socket.end(requests)
        const answer = await later(backend)
        for (const part of answers) {
          // Longer than it takes to look twice whether the client is there.
          await new Promise((resolve) => setTimeout(resolve, 900))
          answer(part)
        }
        t.match(await client.end(), expected, name)
        t.equal(client.error, undefined, `${name}: a FIN, no RST`)
        await lab.close()
        await backend.close()
      })
    )
  }
)

t.test('requests that were sent ahead of a FIN are all answered', async (t) => {
  const backend = await rawBackend(answering((head) => OK.replace('ok', head.slice(5, 7))))
  const lab = await labOf([backend])
  const client = await lab.client()
  client.socket.end(get('/a1') + get('/b2') + get('/c3'))
  const all = await client.end()
  t.match(all, /\r\n\r\na1HTTP[^]*\r\n\r\nb2HTTP[^]*\r\n\r\nc3$/)
  t.equal(all.split('Connection: close').length, 2, 'said once, with the last')
  await lab.close()
  await backend.close()
})

t.test('a body that FIN has cut is refused, also behind a request that is answered first', async (t) => {
  const cut = 'PUT /b2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf'
  const bodies = { 'sent in part': cut, 'not begun': cut.slice(0, cut.indexOf('8\r\n')) }
  for (const [name, request] of Object.entries(bodies)) {
    for (const listener of [{}, { buffer: { request: '1mb' } }]) {
      const backend = await rawBackend(() => {})
      const lab = await labOf([backend], { listener })
      const client = await lab.client()
      client.socket.end(get('/a1') + request)
      // Longer than the client's FIN takes to come.
      const answer = await later(backend)
      await new Promise((resolve) => setTimeout(resolve, 300))
      answer(OK)
      t.match(await client.end(), /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nokHTTP\/1\.1 400 /, name)
      await lab.close()
      await backend.close()
    }
  }
})

t.test(
  'an event stream may be silent for as long as a tunnel, other bodies for as long as idle',
  async (t) => {
    const timeouts = { idle: '200ms' }
    const head = (type: string): string =>
      `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n`
    await Promise.all(
      (
        [
          ['text/event-stream', '1h', true],
          ['text/event-stream;charset=utf-8', '1h', true],
          ['text/plain', '1h', false],
          ['text/event-stream', '400ms', false]
        ] as const
      ).map(async ([type, tunnel, lives]) => {
        const backend = await rawBackend(answering(() => head(type)))
        const lab = await labOf([backend], { pool: { timeouts }, listener: { timeouts: { tunnel } } })
        const client = await lab.client()
        client.send(get())
        await client.text('1\r\na\r\n')
        for (let i = 0; i < 2 && lives; i++) {
          await new Promise((resolve) => setTimeout(resolve, 700))
          backend.connections[0]!.send('1\r\nb\r\n')
          await client.until((c) => c.received.split('1\r\nb\r\n').length === i + 2)
        }
        if (lives) t.notOk(client.ended || client.closed, type)
        else await client.until((c) => c.ended || c.closed, `end of ${type}`)
        client.socket.destroy()
        await lab.close()
        await backend.close()
      })
    )
  }
)

t.test(
  'a body below minRate, or not whole in time, is given up; a pause and a slow backend are not',
  async (t) => {
    const post = (length: number): string => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`
    const timeouts = { idle: '1m', minRate: { bytes: '1000b', window: '500ms' } }
    const backend = await rawBackend(answering((head) => (head.includes('chunked') ? '' : OK)))
    const lab = await labOf([backend], { listener: { timeouts } })

    const slow = await lab.client()
    slow.send(post(1000))
    const trickle = setInterval(() => slow.send('x'), 50)
    await slow.text('\r\n\r\n')
    t.match(slow.received, /^HTTP\/1\.1 408 [^]*\r\nConnection: close\r\n/, 'a trickle')

    const trailing = await lab.client()
    trailing.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n')
    const field = setInterval(() => trailing.send('x'), 50)
    await trailing.text('\r\n\r\n')
    t.match(trailing.received, /^HTTP\/1\.1 408 /, 'a trickle of trailers')

    const chunked = await lab.client()
    chunked.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
    const chunks = setInterval(() => chunked.send('1\r\nx\r\n'), 50)
    await chunked.text('\r\n\r\n')
    clearInterval(chunks)
    t.match(chunked.received, /^HTTP\/1\.1 408 /, 'a trickle of chunks')

    const pausing = await lab.client()
    pausing.send(post(5000) + 'x'.repeat(4000))
    await new Promise((resolve) => setTimeout(resolve, 1500))
    pausing.send('x'.repeat(1000))
    await pausing.text('ok')
    t.match(pausing.received, /^HTTP\/1\.1 200 /, 'a pause')
    // Who goes on trickling is not read from for as long as a client that uploads behind an answer (30 s).
    const answered = performance.now()
    await eventually(() => lab.engine.connections === 1, 'the trickles end after their answers')
    t.ok(performance.now() - answered < 20_000, 'soon')
    clearInterval(trickle)
    clearInterval(field)
    await lab.close()

    const off = await labOf([backend], { listener: { timeouts: { minRate: false, requestBody: '1s' } } })
    const late = await off.client()
    late.send(post(1000))
    const drops = setInterval(() => late.send('x'), 50)
    await late.text('\r\n\r\n')
    clearInterval(drops)
    t.match(late.received, /^HTTP\/1\.1 408 /)
    await off.close()
    await backend.close()
  }
)

t.test('a client that reads below minRate is given up, one whose backend is slow is not', async (t) => {
  const timeouts = { idle: '1m', minRate: { bytes: '100mb', window: '500ms' } }
  const length = 64 * 1024 * 1024
  const backend = await rawBackend((connection) => {
    connection.socket.once('data', () => {
      connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`)
      connection.socket.write(Buffer.alloc(length))
    })
  })
  const lab = await labOf([backend], { listener: { timeouts } })
  const client = await lab.client()
  client.socket.on('data', () => client.socket.pause())
  client.send(get())
  const sip = setInterval(() => client.socket.resume(), 20)
  await eventually(() => lab.engine.connections === 0, 'cut')
  clearInterval(sip)
  t.equal(lab.active, 0)
  await lab.close()
  await backend.close()

  const drips = await rawBackend(answering(() => 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n'))
  const other = await labOf([drips], { listener: { timeouts } })
  const reader = await other.client()
  reader.send(get())
  for (const part of ['a', 'b', 'c', 'd']) {
    await new Promise((resolve) => setTimeout(resolve, 400))
    drips.connections[0]!.send(part)
  }
  await reader.text('abcd')
  await other.close()
  await drips.close()
})
