import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { ask, instance, load, passed } from './support/instance.ts'
import { RedisServer, skip, until } from './support/redis-server.ts'

/** Servers and instances share two cores with other tests. */
t.setTimeout(240_000)

/** A request may take this much longer than redis.timeout: one core is shared with the server. */
const SLACK_MS = 5000

/** Until Redis counts: with onError allow, something is refused. */
const counting = (url: string) => until('Redis is asked', async () => (await ask(url)).status === 429)

for (const [mode, algorithm] of [
  ['exact', 'token-bucket'],
  ['exact', 'sliding-window'],
  ['exact', 'fixed-window'],
  ['lease', 'token-bucket'],
  ['lease', 'sliding-window']
] as const) {
  t.test(`two instances hold one limit together: ${mode}, ${algorithm}`, { skip }, async (t) => {
    const server = new RedisServer(t)
    await server.start()
    // So long that hardly any run crosses the end of a window.
    const limit = { requests: 100, per: '700h', mode, algorithm }
    const redis = { url: `unix:${server.path}`, timeout: '5s' }
    const both = [await instance(t, redis, limit), await instance(t, redis, limit)]
    await until('both reach it', () => both.every(({ logged }) => logged.includes('Redis is reachable')))
    const urls = both.map(({ url }) => url)
    const seen = await load(urls, 300)
    const most = mode === 'exact' ? 100 : 105
    const least = mode === 'exact' ? 100 : 90
    t.ok(passed(seen) >= least && passed(seen) <= most, `${passed(seen)} of 100`)
    t.ok(
      seen.every(({ status }) => status === 200 || status === 429),
      'nobody fails'
    )
  })
}

t.test(
  'in the middle of traffic Redis hangs, dies, comes back, and is full: nobody fails or waits',
  { skip },
  async (t) => {
    const server = new RedisServer(t)
    await server.start()
    const limit = { requests: 1, per: '1h', mode: 'exact', onError: 'allow' }
    const { url, logged } = await instance(t, `unix:${server.path}`, limit)
    await counting(url)
    const away = async (what: string) => {
      const seen = await load([url], 100)
      t.ok(
        seen.every(({ status }) => status === 200 || status === 429),
        `${what}: nobody fails`
      )
      const worst = Math.max(...seen.map(({ ms }) => ms))
      t.ok(worst < 50 + SLACK_MS, `${what}: at most ${Math.round(worst)} ms`)
      t.equal((await ask(url)).status, 200, `${what}: onError`)
    }
    server.signal('SIGSTOP')
    await away('stopped')
    await until('it is told', () => logged.at(-1)!.startsWith('Redis is not reachable'))
    server.signal('SIGCONT')
    await counting(url)
    await server.stop()
    await away('killed')
    await server.start()
    await counting(url)
    server.cli('config', 'set', 'maxmemory', '1')
    server.cli('flushall')
    await away('full')
    server.cli('config', 'set', 'maxmemory', '0')
    await counting(url)
    server.cli('flushall')
    server.cli('replicaof', '127.0.0.1', '1')
    await away('a replica, which takes no writes')
    server.cli('replicaof', 'no', 'one')
    await counting(url)
    // On a machine that is busy, 50 ms may pass without Redis being to blame: that is a change more.
    const changes = logged.map((line) => !line.startsWith('Redis is not'))
    const alternating = changes.every((there, i) => there === (i % 2 === 0))
    t.ok(alternating && changes.length >= 9 && changes.length % 2 === 1, `a line for each change: ${changes}`)
  }
)

t.test('onError local holds the limit alone, and deny refuses, whatever is there', { skip }, async (t) => {
  const garbage = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))
  }).listen(0, '127.0.0.1')
  await once(garbage, 'listening')
  t.teardown(() => garbage.close())
  const { port } = garbage.address() as { port: number }
  const server = new RedisServer(t)
  await server.start('--requirepass', 'right')
  const places = [`redis://127.0.0.1:${port}`, 'redis://127.0.0.1:1', `unix:${server.path}`]
  for (const place of places) {
    const { url: local } = await instance(t, place, { requests: 5, per: '1h', onError: 'local' })
    t.equal(passed(await load([local], 20)), 5, `${place}: local`)
    const { url: deny } = await instance(t, place, { requests: 5, per: '1h', onError: 'deny' })
    t.equal(passed(await load([deny], 20)), 0, `${place}: deny`)
  }
})
