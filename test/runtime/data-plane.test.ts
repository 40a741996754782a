import { freePort } from '../free-port.ts'
import { Metrics } from '../../src/core/metrics/metrics.ts'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { SlotRegistry } from '../../src/balancer/table/slot-registry.ts'
import { BackendTable } from '../../src/balancer/table/table.ts'
import type { Config } from '../../src/config/model/model.ts'
import { systemClock as clock } from '../../src/core/clock.ts'
import { memoryLogger } from '../fakes/memory-logger.ts'
import { DataPlane } from '../../src/runtime/plane/data-plane.ts'
import { makePlaneSnapshot, type PlaneSnapshot } from '../../src/runtime/plane/plane-snapshot.ts'
import { configOf } from './configs.ts'
import { stubEngines } from './stub-engines.ts'

function setUp(fail?: (listener: string) => boolean) {
  const table = BackendTable.create({ shared: false, capacity: 64, poolCapacity: 8 })
  const slots = new SlotRegistry(table, clock)
  const engines = stubEngines(fail)
  const log = memoryLogger()
  const plane = new DataPlane({
    metrics: new Metrics(),
    table,
    clock,
    random: Math.random,
    log,
    engines,
    onChange: () => {},
    servesUnshared: true
  })
  let before: PlaneSnapshot | undefined
  let id = 0
  const ports: Record<string, number> = {}
  const prepare = async (config: Config) => {
    const rows = slots.assign(Object.values(config.pools))
    const snapshot = makePlaneSnapshot(
      {
        id: ++id,
        config,
        logLevel: 'info',
        material: { listeners: {}, pools: {} },
        slots: rows,
        ports,
        caches: new Map(),
        stageMemories: new Map()
      },
      before
    )
    Object.assign(ports, await plane.prepare(snapshot))
    return snapshot
  }
  const apply = async (config: Config) => {
    before = await prepare(config)
    plane.commit()
  }
  return { plane, engines, log, prepare, apply, ports }
}

function l4(listeners: Record<string, string>, backends = 1, graceMs = 200): Config {
  return configOf({
    shutdown: { grace: `${graceMs}ms` },
    listeners: Object.entries(listeners).map(([name, bind]) => ({ name, bind, mode: 'l4', pool: 'p' })),
    pools: { p: { backends: Array.from({ length: backends }, (_, i) => `127.0.0.1:${i + 1}`) } }
  })
}

function dial(t: Test, port: number): { socket: Socket; line(): Promise<string> } {
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  let text = ''
  socket.setEncoding('latin1').on('data', (part: string) => (text += part))
  socket.on('error', () => {})
  const line = async () => {
    while (!text.includes('\n')) await once(socket, 'data')
    const end = text.indexOf('\n')
    const found = text.slice(0, end)
    text = text.slice(end + 1)
    return found
  }
  return { socket, line }
}

t.test('a snapshot is bound and served, and the next one keeps socket and connections', async (t) => {
  const { plane, apply, ports, engines } = setUp()
  t.teardown(() => plane.destroy())
  await apply(l4({ db: '127.0.0.1:0' }))
  const port = ports['db#0']!
  const first = dial(t, port)
  t.equal(await first.line(), 'db 1')

  await apply(l4({ db: '127.0.0.1:0' }, 2))
  t.equal(ports['db#0'], port, 'the port stays')
  first.socket.write('still here\n')
  t.equal(await first.line(), 'still here')
  t.equal(await dial(t, port).line(), 'db 2')
  t.equal(engines.made.length, 1)
  t.match(plane.connections(), [{ listener: 'db', connections: 2, draining: false }])
})

t.test('a snapshot that cannot be built or bound changes nothing and leaves nothing bound', async (t) => {
  const { plane, apply, prepare, ports } = setUp((listener) => listener === 'bad')
  t.teardown(() => plane.destroy())
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const free = await freePort()
  await apply(l4({ db: '127.0.0.1:0' }))

  await t.rejects(prepare(l4({ db: '127.0.0.1:0', bad: `127.0.0.1:${free}` }, 2)), /cannot be built/)
  const used = (taken.address() as AddressInfo).port
  await t.rejects(prepare(l4({ db: '127.0.0.1:0', one: `127.0.0.1:${free}`, two: `127.0.0.1:${used}` }, 2)), {
    name: 'StartError',
    code: 'EADDRINUSE',
    address: `127.0.0.1:${used}`,
    setting: 'listeners[2].bind'
  })
  const refused = connect(free, '127.0.0.1')
  const [error] = await once(refused, 'error')
  t.equal(error.code, 'ECONNREFUSED')
  t.equal(await dial(t, ports['db#0']!).line(), 'db 1')
})

t.test('a bind that moves to another listener keeps its socket', async (t) => {
  const { plane, apply } = setUp()
  t.teardown(() => plane.destroy())
  const port = await freePort()
  await apply(l4({ old: `127.0.0.1:${port}` }))
  t.equal(await dial(t, port).line(), 'old 1')
  await apply(l4({ new: `127.0.0.1:${port}` }))
  t.equal(await dial(t, port).line(), 'new 1')
})

t.test('a removed listener refuses new connections, and its old ones live on for the grace', async (t) => {
  const { plane, apply, ports, log } = setUp()
  t.teardown(() => plane.destroy())
  await apply(l4({ keep: '127.0.0.1:0', gone: '127.0.0.1:0' }))
  const client = dial(t, ports['gone#0']!)
  await client.line()
  await apply(l4({ keep: '127.0.0.1:0' }))

  client.socket.write('served\n')
  t.equal(await client.line(), 'served')
  t.match(plane.connections(), [
    { listener: 'keep', draining: false },
    { listener: 'gone', connections: 1, draining: true }
  ])
  await once(client.socket, 'close')
  t.match(log.lines.at(-1), { level: 'warn', fields: { listener: 'gone', connections: 1 } })
  const [error] = await once(connect(ports['gone#0']!, '127.0.0.1'), 'error')
  t.equal(error.code, 'ECONNREFUSED')
})

t.test('a listener that only has another name keeps its connections longer than the grace', async (t) => {
  const { plane, apply, ports, log } = setUp()
  t.teardown(() => plane.destroy())
  const port = await freePort()
  await apply(l4({ old: `127.0.0.1:${port}` }))
  const client = dial(t, port)
  await client.line()
  await apply(l4({ new: `127.0.0.1:${port}`, other: '127.0.0.1:0' }))
  t.equal(await dial(t, port).line(), 'new 1')
  await apply(l4({ other: '127.0.0.1:0' }))
  const other = dial(t, ports['other#0']!)
  await other.line()
  await apply(l4({ third: '127.0.0.1:0' }))
  await once(other.socket, 'close')

  client.socket.write('served\n')
  t.equal(await client.line(), 'served')
  t.match(
    plane.connections().filter(({ listener }) => listener === 'old'),
    [{ connections: 1, draining: true }]
  )
  t.same(
    log.lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields.listener),
    ['new', 'other'],
    'only listeners whose addresses are gone are cut'
  )
  client.socket.destroy()
})

t.test('draining accepts what the kernel has queued, and resolves when connections have ended', async (t) => {
  const { plane, apply, ports } = setUp()
  await apply(l4({ db: '127.0.0.1:0' }))
  const clients = Array.from({ length: 50 }, () => dial(t, ports['db#0']!))
  await Promise.all(clients.map(({ socket }) => once(socket, 'connect')))
  const drained = plane.drain(5_000)
  t.strictSame(new Set(await Promise.all(clients.map(({ line }) => line()))), new Set(['db 1']))
  for (const { socket } of clients) socket.end()
  t.equal(await drained, 0, 'none was cut')
})

t.test('draining cuts what outlasts the grace', async (t) => {
  const { plane, apply, ports } = setUp()
  await apply(l4({ db: '127.0.0.1:0' }))
  const client = dial(t, ports['db#0']!)
  await client.line()
  const closed = once(client.socket, 'close')
  t.equal(await plane.drain(50), 1)
  await closed
})
