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
