import { connect, createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import t from 'tap'
import { startLb } from './servers.ts'

// In a thread of its own lb meets each order of events: its write may fail before it has read the answer.
t.test('a backend that answers and closes in the middle of an upload is heard', async (t) => {
  const origin = createServer((socket) => {
    let bytes = 0
    socket.on('error', () => {})
    socket.on('data', (data) => {
      bytes += data.length
      if (bytes < 100_000) return
      bytes = -Infinity
      // What is not read makes the kernel end the connection with a reset.
      socket.pause()
      socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig')
      setTimeout(() => socket.destroy(), 1)
    })
  })
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  t.teardown(() => origin.close())
  const lb = await startLb(t, {
    workers: 1,
    log: { level: 'error' },
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
    pools: { web: { backends: [`127.0.0.1:${(origin.address() as AddressInfo).port}`] } }
  })
  const piece = Buffer.alloc(65_536, 'x')
  const answers = new Map<string, number>()
  for (let upload = 0; upload < 100; upload++) {
    const client = connect(lb.port('web'), '127.0.0.1')
    let received = ''
    client.on('data', (data) => (received += data.toString('latin1'))).on('error', () => {})
    client.write('POST / HTTP/1.1\r\nHost: example.test\r\nContent-Length: 20000000\r\n\r\n')
    const feed = setInterval(() => {
      for (let i = 0; i < 20; i++) client.write(piece)
    }, 1)
    await new Promise((resolve) => client.on('close', resolve))
    clearInterval(feed)
    const status = received.slice(9, 12)
    answers.set(status, (answers.get(status) ?? 0) + 1)
  }
  t.strictSame([...answers], [['413', 100]])
})

t.test('who reads the answer only behind the upload gets it, however long that takes', async (t) => {
  const lb = await startLb(t, {
    workers: 0,
    log: { level: 'error' },
    listeners: [
      {
        name: 'web',
        bind: '127.0.0.1:0',
        mode: 'l7',
        limits: { bodyBytes: '10kb' },
        pool: 'web'
      }
    ],
    pools: { web: { backends: ['127.0.0.1:1'] } }
  })
  const pieces = 30
  const sends = async (head: string): Promise<string> => {
    const client = connect(lb.port('web'), '127.0.0.1')
    client.on('error', () => {}).pause()
    client.write(head)
    for (let i = 0; i < pieces; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      client.write(Buffer.alloc(10_000))
    }
    let received = ''
    client.on('data', (data) => (received += data.toString('latin1'))).resume()
    await once(client, 'close')
    return received.slice(9, 12)
  }
  const head = `POST / HTTP/1.1\r\nHost: example.test\r\nContent-Length: ${pieces * 10_000}\r\n\r\n`
  t.equal(await sends(head), '413')
})

t.test('a client whose request was answered early goes on behind the rest of it', async (t) => {
  const origin = createServer((socket) => {
    socket.on('error', () => {})
    // Answers each head at once, whatever follows it.
    socket.on('data', (data) => {
      const heads = data.toString('latin1').split('HTTP/1.1\r\n').length - 1
      socket.write('HTTP/1.1 204 No Content\r\n\r\n'.repeat(heads))
    })
  })
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  t.teardown(() => origin.close())
  const lb = await startLb(t, {
    workers: 0,
    log: { level: 'error' },
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
    pools: { web: { backends: [`127.0.0.1:${(origin.address() as AddressInfo).port}`] } }
  })
  const sized = 'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n'
  const chunked = 'POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n'
  const next = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'
  /** What comes after each piece was sent, and whether the connection ended. */
  const talk = async (pieces: readonly string[]): Promise<string> => {
    const client = connect(lb.port('web'), '127.0.0.1').on('error', () => {})
    t.teardown(() => client.destroy())
    let received = ''
    let ended = ''
    client.on('data', (data) => (received += data.toString('latin1')))
    const over = once(client, 'end').then(() => (ended = ' end'))
    for (const [index, piece] of pieces.entries()) {
      client.write(piece)
      const answers = piece.includes(' HTTP/1.1') ? 1 : 0
      const wanted = received.split('HTTP/1.1 204').length - 1 + answers
      if (index === pieces.length - 1 && answers === 0) await over
      while (received.split('HTTP/1.1 204').length - 1 < wanted && ended === '')
        await new Promise((resolve) => setTimeout(resolve, 1))
      // lb has the answer already, and the rest comes behind it.
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    t.notMatch(received, /connection: close/i)
    return `${received.split('HTTP/1.1 204').length - 1}${ended}`
  }
  t.equal(await talk([sized, 'hello', next]), '2')
  t.equal(await talk([sized, 'he', `llo${next}`, next]), '3')
  t.equal(await talk([chunked, '5\r\nhello\r\n', '0\r\n\r\n', next]), '2')
  t.equal(await talk([chunked, `5\r\nhello\r\n0\r\n\r\n${sized}`, `hello${next}`, next]), '4')
  t.equal(await talk([chunked, 'no chunk\r\n']), '1 end')
  const began = performance.now()
  t.equal(await talk([sized, 'he']), '1 end', 'where the rest does not come, the connection ends')
  t.ok(performance.now() - began > 1000)
})
