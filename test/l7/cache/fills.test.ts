import type { Socket } from 'node:net'
import t from 'tap'
import { startLb, tcpOrigin, until } from '../../e2e/servers.ts'
import { RawClient } from '../engine/lab.ts'

const HEAD = 'HTTP/1.1 200 OK\r\nCache-Control: max-age=31536000\r\nContent-Length: 100000\r\n\r\n'
const ask = 'GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n'

/** An lb whose backend begins an answer of 100,000 bytes and then does what the test does with its socket. */
async function begun(t: Parameters<typeof startLb>[0], timeouts: object) {
  const sockets: Socket[] = []
  const origin = await tcpOrigin(t, (socket) => {
    socket.once('data', () => {
      sockets.push(socket)
      socket.write(HEAD + 'x'.repeat(1000))
    })
  })
  const lb = await startLb(t, {
    workers: 0,
    listeners: [
      {
        name: 'web',
        bind: '127.0.0.1:0',
        mode: 'l7',
        routes: [{ match: {}, pool: 'web', cache: { store: 'main' } }]
      }
    ],
    pools: { web: { backends: [origin.address], timeouts, retry: { attempts: 0 } } },
    caches: { main: { maxBytes: '8mb' } }
  })
  const client = async () => {
    const made = await RawClient.to(lb.port('web'))
    t.teardown(() => made.socket.destroy())
    made.send(ask)
    return made
  }
  const first = await client()
  await first.text('xxxx')
  const follower = await client()
  await follower.text('xxxx')
  return { sockets, first, follower, client }
}

t.test('who follows a fetch hears that it broke off, also when its own client had left', async (t) => {
  const { sockets, first, follower, client } = await begun(t, {})
  first.socket.resetAndDestroy()
  await new Promise((resolve) => setTimeout(resolve, 50))
  sockets[0]!.resetAndDestroy()
  await follower.until(({ ended, closed }) => ended || closed, 'an end')
  const later = await client()
  await later.text('xxxx')
  await until(() => sockets.length === 2, 'the backend is asked again')
})

t.test('who follows a fetch that stands still is let go, and nobody follows after', async (t) => {
  const { sockets, first, follower, client } = await begun(t, { idle: '300ms' })
  await follower.until(({ ended, closed }) => ended || closed, 'an end')
  await first.until(({ ended, closed }) => ended || closed, 'an end')
  const later = await client()
  await later.text('xxxx')
  await until(() => sockets.length === 2, 'the backend is asked again')
})
