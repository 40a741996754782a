import type { ServerResponse } from 'node:http'
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import type { Workers } from '../../src/runtime/workers/workers.ts'
import { get, load } from './clients.ts'
import { httpOrigin, startLb, until } from './servers.ts'

// The places of `concurrency` over real sockets, two workers, and what befalls them.

/** An origin that answers when it is told, and counts what is under way. */
async function patient(t: Test) {
  const open = new Set<ServerResponse>()
  const seen = { most: 0, total: 0 }
  const origin = await httpOrigin(t, 'patient', (_, response) => {
    open.add(response)
    seen.total++
    seen.most = Math.max(seen.most, open.size)
    response.on('close', () => open.delete(response))
  })
  return { open, seen, address: origin.address }
}

function configOf(address: string, keys: object): object {
  const listener = {
    bind: '127.0.0.1:0',
    mode: 'l7',
    concurrency: keys,
    routes: [{ match: {}, pool: 'web' }]
  }
  return {
    workers: 2,
    listeners: [
      { name: 'web', ...listener },
      { name: 'h2', ...listener, protocols: ['h2'] }
    ],
    pools: { web: { backends: [address] } }
  }
}

function h2Client(t: Test, port: number): ClientHttp2Session {
  const client = connectHttp2(`http://127.0.0.1:${port}`)
  client.on('error', () => {})
  t.teardown(() => client.destroy())
  return client
}

/** Requests behind one another on one connection; those without an answer die with it. */
function pipeline(t: Test, port: number, requests: number): void {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  t.teardown(() => socket.destroy())
  socket.resume().write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(requests))
}

/** As many as `places` come to the origin at once, and no more: none has been lost, and none is given twice. */
async function allPlaces(
  t: Test,
  port: () => number,
  open: Set<ServerResponse>,
  places: number
): Promise<void> {
  // What a pipeline still sends comes when the one before it has been answered.
  await until(() => {
    for (const response of open) response.end('ok')
    return open.size === 0
  }, 'nothing is under way')
  const answers = Array.from({ length: places + 20 }, async () => get(port()).catch(() => undefined))
  await until(() => open.size === places, `${places} are under way`)
  let over = 0
  for (const answer of answers) void answer.then(() => over++)
  while (over < answers.length) {
    for (const response of open) response.end('ok')
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.ok(
    (await Promise.all(answers)).every((answer) => answer?.status === 200),
    'and all get one in the end'
  )
}

t.test(
  'places come back from workers that die, clients that leave, pipelines, HTTP/2 and reloads',
  async (t) => {
    const { open, seen, address } = await patient(t)
    const keys = { max: 8, queue: { max: 500, timeout: '60s' } }
    const lb = await startLb(t, configOf(address, keys), { crashable: true })
    const workers = lb.running.planes as Workers
    for (let round = 0; round < 2; round++) {
      const h2 = h2Client(t, lb.port('h2'))
      for (let i = 0; i < 4; i++) {
        pipeline(t, lb.port('web'), 5)
        void get(lb.port('web')).catch(() => undefined)
        const leaving = connect(lb.port('web'), '127.0.0.1').on('error', () => {})
        leaving.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n', () => leaving.destroy())
      }
      await until(() => open.size === 8, 'all places are taken')
      // Two routes have a count each.
      for (let i = 0; i < 30; i++)
        h2.request({ ':path': '/' })
          .on('error', () => {})
          .resume()
      await until(() => open.size === 16, 'those of HTTP/2 too')
      const restarts = workers.workers[1]!.restarts
      workers.crash(2, 'deliberately')
      await until(
        () => workers.workers[1]!.restarts > restarts && workers.workers[1]!.state === 'running',
        'replaced'
      )
      h2.destroy()
      const answering = setInterval(() => open.forEach((response) => response.end('ok')), 5)
      t.teardown(() => clearInterval(answering))
      await until(() => open.size === 0, 'answered or gone')
      clearInterval(answering)
      await allPlaces(t, () => lb.port('web'), open, 8)
    }
    t.ok(seen.most <= 16, `${seen.most} at once`)
    await lb.apply(configOf(address, { ...keys, max: 5 }))
    await allPlaces(t, () => lb.port('web'), open, 5)
    // While some are under way: what is over the new number drains.
    const held = Array.from({ length: 5 }, async () => get(lb.port('web')))
    await until(() => open.size === 5, 'under way')
    await lb.apply(configOf(address, { ...keys, max: 7 }))
    for (const response of open) response.end('ok')
    await Promise.all(held)
    await allPlaces(t, () => lb.port('web'), open, 7)
  }
)

t.test('with adaptive and priority all are served, and a worker that dies holds nothing', async (t) => {
  const quick = await httpOrigin(t, 'quick', (_, response) => setTimeout(() => response.end('ok'), 2))
  const config = configOf(quick.address, {
    max: 32,
    adaptive: true,
    priority: { default: 'low' },
    queue: { max: 1000, timeout: '60s' }
  })
  const lb = await startLb(t, config, { crashable: true })
  const clients = load(t, () => lb.port('web'), 60)
  await until(() => clients.total > 500, 'load')
  const workers = lb.running.planes as Workers
  workers.crash(1, 'deliberately')
  await until(() => workers.workers[0]!.restarts === 1 && workers.workers[0]!.state === 'running', 'replaced')
  const before = clients.total
  await until(() => clients.total > before + 1000, 'load goes on')
  await clients.stop()
  const ok = clients.results.get('200') ?? 0
  t.ok(clients.total - ok <= 300, `${clients.total - ok} of ${clients.total} failed with their worker`)
  await until(() => lb.running.pools.get('web')!.backends[0]!.active === 0, 'nothing is under way')
})
