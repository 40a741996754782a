import t from 'tap'
import type { Workers } from '../../src/runtime/workers/workers.ts'
import { dialLine, get, load } from './clients.ts'
import { httpOrigin, startLb, tcpOrigin, until } from './servers.ts'

t.test('maxConnections holds over all workers, as the backend counts it', async (t) => {
  const slow = await httpOrigin(t, 'slow', (_, response) => setTimeout(() => response.end('ok'), 2))
  const lb = await startLb(t, {
    workers: 2,
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
    pools: {
      web: {
        backends: [{ address: slow.address, maxConnections: 10 }],
        queue: { max: 1000, timeout: '10s' }
      }
    }
  })
  const clients = load(t, () => lb.port('web'), 200)
  await until(() => clients.total > 1_000, 'load')
  await clients.stop()
  t.strictSame([...clients.results.keys()], ['200'])
  t.ok(slow.mostOpen <= 10, `${slow.mostOpen} open at once`)
  t.ok(slow.mostOpen >= 9, 'and they are used')
  const backend = lb.running.pools.get('web')!.backends[0]!
  t.equal(backend.active, 0)
})

t.test('a worker that throws under load takes only its own connections with it', async (t) => {
  const web = await httpOrigin(t, 'web')
  const echo = await tcpOrigin(t)
  const lb = await startLb(
    t,
    {
      workers: 2,
      listeners: [
        { name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' },
        { name: 'raw', bind: '127.0.0.1:0', mode: 'l4', pool: 'raw', maxConnections: 100 }
      ],
      pools: { web: { backends: [web.address] }, raw: { backends: [echo.address] } }
    },
    { crashable: true }
  )
  const lines = await Promise.all(Array.from({ length: 40 }, () => dialLine(t, lb.port('raw'))))
  await Promise.all(lines.map(async (line) => t.equal(await line.ask('x'), 'x')))
  const clients = load(t, () => lb.port('web'), 20)
  await until(() => clients.total > 100, 'load')
  const raw = lb.running.pools.get('raw')!.backends[0]!
  t.equal(raw.active, 40)

  const workers = lb.running.planes as Workers
  workers.crash(2, 'deliberately')
  await until(() => workers.workers[1]!.restarts === 1 && workers.workers[1]!.state === 'running', 'replaced')
  const died = lb.lines.find(({ message }) => message.startsWith('worker died'))!
  t.match(died, { level: 'error', fields: { worker: 2 } })
  t.match((died.fields.err as Error).stack, /deliberately[\s\S]*worker\.ts/)

  await until(() => lines.some(({ socket }) => socket.destroyed), 'its connections end')
  const alive = lines.filter(({ socket }) => !socket.destroyed)
  t.ok(alive.length > 5 && alive.length < 35, `${alive.length} of 40 live on`)
  await Promise.all(alive.map(async (line) => t.equal(await line.ask('still'), 'still')))
  await until(() => raw.active === alive.length, 'the count returns to the truth')

  const errors = clients.total - (clients.results.get('200') ?? 0)
  t.ok(errors <= 20 * 3, `${errors} requests failed`)
  const before = clients.total
  await until(() => clients.total > before + 100, 'load goes on')
  await clients.stop()
  t.equal(clients.total - (clients.results.get('200') ?? 0), errors, 'none after the crash')
  await until(() => lb.running.pools.get('web')!.backends[0]!.active === 0, 'web returns to zero')
  t.match(await workers.connections(), [{ listener: 'web' }, { listener: 'raw', connections: alive.length }])
  t.match(lb.running.metrics(), /^lb_worker_restarts_total 1$/m)
})

t.test('a worker that dies does not take a reload with it: its replacement has it', async (t) => {
  const [a, b] = await Promise.all([httpOrigin(t, 'a'), httpOrigin(t, 'b')])
  const yaml = (name: string, address: string) => ({
    workers: 2,
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: name }],
    pools: { [name]: { backends: [address] } }
  })
  const lb = await startLb(t, yaml('a', a.address), { crashable: true })
  const workers = lb.running.planes as Workers
  for (const [at, origin] of [b, a, b].entries()) {
    // It dies before it comes to look at the new snapshot.
    workers.crash(1, 'deliberately')
    await lb.apply(yaml(origin === a ? 'a' : 'b', origin.address))
    const running = () => workers.workers.every(({ state }) => state === 'running')
    await until(() => running() && workers.workers[0]!.restarts === at + 1, 'replaced')
    const answers = await Promise.all(Array.from({ length: 20 }, () => get(lb.port('web'))))
    t.ok(
      answers.every(({ body }) => body === (origin === a ? 'a' : 'b')),
      JSON.stringify(answers)
    )
  }
})

t.test('a worker that keeps dying does not disturb the others, and reloads go on', async (t) => {
  const web = await httpOrigin(t, 'web')
  const yaml = (path: string) => ({
    workers: 2,
    listeners: [
      {
        name: 'web',
        bind: '127.0.0.1:0',
        mode: 'l7',
        routes: [
          { match: { path }, respond: { status: 200, body: path } },
          { match: {}, pool: 'web' }
        ]
      }
    ],
    pools: { web: { backends: [web.address] } }
  })
  const lb = await startLb(t, yaml('/one'), { crashable: true })
  const workers = lb.running.planes as Workers
  for (let i = 0; i < 3; i++) {
    workers.crash(1, 'again')
    await until(() => workers.workers[0]!.state === 'waiting', 'down')
    t.match(await lb.apply(yaml(`/${i}`)), { changed: true, errors: undefined })
    t.equal((await get(lb.port('web'), `/${i}`)).body, `/${i}`)
    await until(() => workers.workers[0]!.state === 'running', 'up again')
    for (let j = 0; j < 10; j++) t.equal((await get(lb.port('web'), `/${i}`)).body, `/${i}`)
  }
})
