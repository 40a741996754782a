import t, { type Test } from 'tap'
import { get, load } from './clients.ts'
import { httpOrigin, startLb, until } from './servers.ts'

const listeners = [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }]

async function statuses(port: number, count: number, path = '/'): Promise<Record<number, number>> {
  const seen: Record<number, number> = {}
  for (let i = 0; i < count; i++) {
    const { status } = await get(port, path)
    seen[status] = (seen[status] ?? 0) + 1
  }
  return seen
}

/** Backends that answer 500 below /bad only. */
function origins(t: Test, names: readonly string[]) {
  return Promise.all(
    names.map((name) =>
      httpOrigin(t, name, (request, response) => {
        response.statusCode = request.url!.startsWith('/bad') ? 500 : 200
        response.end(name)
      })
    )
  )
}

for (const workers of [0, 2]) {
  t.test(`workers ${workers}: one that answers 500 to everything is out after 5, unasked`, async (t) => {
    const good = await httpOrigin(t, 'good')
    const bad = await httpOrigin(t, 'bad', (_, response) => {
      response.statusCode = 500
      response.end()
    })
    const backends = [good.address, bad.address]
    const lb = await startLb(t, { workers, listeners, pools: { web: { backends } } })
    t.same(await statuses(lb.port('web'), 100), { 200: 95, 500: 5 })
    t.equal(bad.requests, 5)
  })
}

t.test('one bad page, asked for again and again, takes nothing out', async (t) => {
  const three = await origins(t, ['a', 'b', 'c'])
  const lb = await startLb(t, {
    workers: 0,
    listeners,
    pools: { web: { backends: three.map(({ address }) => address) } }
  })
  t.same(await statuses(lb.port('web'), 60, '/bad'), { 500: 60 }, 'the answer, not a 503')
  t.same(await statuses(lb.port('web'), 30), { 200: 30 })
  t.notOk(lb.lines.some(({ fields }) => fields.axis === 'breaker'))
})

t.test('one bad page under a hash by path takes out no more than half of the pool', async (t) => {
  const four = await origins(t, ['a', 'b', 'c', 'd'])
  const lb = await startLb(t, {
    workers: 0,
    listeners,
    pools: {
      web: { algorithm: 'hash', hash: { key: 'path' }, backends: four.map(({ address }) => address) }
    }
  })
  t.same(await statuses(lb.port('web'), 60, '/bad'), { 500: 60 })
  const opened = lb.lines.filter(({ fields }) => fields.axis === 'breaker' && fields.to === 'open')
  t.ok(opened.length <= 2, `${opened.length} opened`)
  for (let i = 0; i < 30; i++) t.equal((await get(lb.port('web'), `/${i}`)).status, 200)
})

t.test('whatever all backends answer, it is their answers that clients get', async (t) => {
  const down = await Promise.all(
    ['a', 'b'].map((name) =>
      httpOrigin(t, name, (_, response) => {
        response.statusCode = 503
        response.end(name)
      })
    )
  )
  const backends = down.map(({ address }) => address)
  const lb = await startLb(t, { workers: 0, listeners, pools: { web: { backends } } })
  for (let i = 0; i < 40; i++) t.match((await get(lb.port('web'))).body, /^[ab]$/)
})

t.test('a backend that hangs is out within interval + timeout × fall, and traffic continues', async (t) => {
  let hanging = false
  const two = await Promise.all(
    ['a', 'b'].map((name) =>
      httpOrigin(t, name, (_, response) => {
        if (name === 'a' || !hanging) response.end(name)
      })
    )
  )
  const lb = await startLb(t, {
    workers: 0,
    listeners,
    pools: {
      web: {
        backends: two.map(({ address }) => address),
        health: { type: 'http', interval: '500ms', timeout: '200ms', fall: 3 }
      }
    }
  })
  const turned = (to: string) =>
    lb.lines.some(
      ({ fields }) => fields.axis === 'probe' && fields.to === to && fields.backend === two[1]!.address
    )
  await until(() => turned('up'), 'first verdict')
  hanging = true
  const since = performance.now()
  await until(() => turned('down'), 'verdict')
  const took = performance.now() - since
  // The rest is for a machine that does other things too.
  t.ok(took <= 500 + 3 * 200 + 5000, `${took.toFixed(0)} ms`)
  for (let i = 0; i < 10; i++) t.equal((await get(lb.port('web'))).body, 'a')
})

t.test(
  'one that flaps does not make the pool flap: no request fails, and it changes sides seldom',
  async (t) => {
    const began = performance.now()
    const flips = () => Math.floor((performance.now() - began) / 250)
    const steady = await httpOrigin(t, 'steady')
    const flapping = await httpOrigin(t, 'flapping', (request, response) => {
      // Its requests are fine: what is tested is what the probes make of it.
      response.statusCode = request.url === '/healthz' && flips() % 2 === 1 ? 500 : 200
      response.end('flapping')
    })
    const lb = await startLb(t, {
      workers: 0,
      listeners,
      pools: {
        web: {
          backends: [steady.address, flapping.address],
          health: {
            type: 'http',
            path: '/healthz',
            interval: '100ms',
            downInterval: '50ms',
            timeout: '50ms',
            fall: 2,
            rise: 2
          }
        }
      }
    })
    const clients = load(t, () => lb.port('web'), 4)
    await until(() => flips() >= 16, 'sixteen flips')
    await clients.stop()
    const changes = lb.lines.filter(
      ({ fields }) => fields.axis === 'probe' && fields.backend === flapping.address
    )
    t.same([...clients.results.keys()], ['200'])
    t.ok(changes.length <= 8, `${changes.length} changes in ${flips()} flips`)
  }
)
