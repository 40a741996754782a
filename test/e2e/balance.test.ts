import t from 'tap'
import { get, keepAlive, load } from './clients.ts'
import { httpOrigin, startLb, until } from './servers.ts'

for (const workers of [0, 2]) {
  t.test(`workers ${workers}: 300 requests over three backends are 100 each`, async (t) => {
    const origins = await Promise.all(['a', 'b', 'c'].map((name) => httpOrigin(t, name)))
    const lb = await startLb(t, {
      workers,
      listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
      pools: { web: { backends: origins.map(({ address }) => address) } }
    })
    for (let i = 0; i < 300; i++) t.equal((await get(lb.port('web'))).status, 200)
    t.strictSame(
      origins.map(({ requests }) => requests),
      [100, 100, 100]
    )
  })
}

t.test('weights 5:1:1 give 5:1:1, in the smooth order', async (t) => {
  const origins = await Promise.all(['a', 'b', 'c'].map((name) => httpOrigin(t, name)))
  const lb = await startLb(t, {
    workers: 0,
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
    pools: {
      web: {
        algorithm: 'weighted-round-robin',
        backends: origins.map(({ address }, i) => ({ address, weight: [5, 1, 1][i] }))
      }
    }
  })
  const agent = keepAlive(t, 1)
  let order = ''
  for (let i = 0; i < 14; i++) order += (await get(lb.port('web'), '/', agent)).body
  t.equal(order, 'aabacaaaabacaa')
})

t.test('a backend that dies under load costs no more than it had in flight, and none after', async (t) => {
  const origins = await Promise.all(['a', 'b', 'c'].map((name) => httpOrigin(t, name)))
  const lb = await startLb(t, {
    workers: 2,
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
    pools: {
      web: {
        backends: origins.map(({ address }) => address),
        health: { type: 'tcp', interval: '100ms', timeout: '100ms', fall: 1 }
      }
    }
  })
  const clients = load(t, () => lb.port('web'), 50)
  await until(() => clients.total > 200, 'load')
  const inFlight = origins[1]!.sockets.size
  origins[1]!.close()
  await until(() => lb.lines.some(({ fields }) => fields.axis === 'probe' && fields.to === 'down'), 'verdict')
  const failed = () => clients.total - (clients.results.get('200') ?? 0)
  const before = failed()
  t.ok(before <= inFlight, `${before} failed of ${inFlight} in flight`)
  const total = clients.total
  await until(() => clients.total > total + 200, 'load goes on')
  t.equal(failed(), before, 'none after the verdict')
  await clients.stop()
})
