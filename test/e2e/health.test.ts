import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import { connect, type AddressInfo, type Socket } from 'node:net'
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
            timeout: '5s',
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

/** Takes requests and answers none; it stops listening when told to, and keeps what it has. */
async function silentOrigin(t: Test, protocol: 'http1' | 'h2c') {
  const held: string[] = []
  const serve = (request: { url?: string }, response: { write(text: string): unknown }) => {
    held.push(request.url!)
    if (request.url === '/stream') response.write('begun')
  }
  const server = protocol === 'h2c' ? createHttp2Server(serve) : createServer(serve)
  const sockets: Socket[] = []
  server.on('connection', (socket: Socket) => void sockets.push(socket.on('error', () => {})))
  server.on('upgrade', (_request, socket: Socket) =>
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { held, server, address: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

/** `lb` before a backend that is silent and a spare one, and requests of each kind that wait at the first. */
async function waiting(t: Test, protocol: 'http1' | 'h2c', workers: number, onDown: string) {
  const silent = await silentOrigin(t, protocol)
  const spare = await silentOrigin(t, protocol)
  const health = { type: 'tcp', interval: '100ms', downInterval: '100ms', fall: 1, jitter: '0%' }
  const backends = [silent.address, { address: spare.address, backup: true }]
  const web = { protocol, health, onDown, backends, retry: { budget: '100%' } }
  const logged = [{ ...listeners[0], accessLog: true }]
  const lb = await startLb(t, { workers, listeners: logged, pools: { web } })
  const origin = `http://127.0.0.1:${lb.port('web')}`
  const stream = await fetch(`${origin}/stream`)
  const gets = Array.from({ length: 5 }, () => fetch(`${origin}/get`))
  const post = fetch(`${origin}/post`, { method: 'POST', body: 'x' })
  post.catch(() => {})
  const tunnel = connect(lb.port('web'), '127.0.0.1').on('error', () => {})
  t.teardown(() => tunnel.destroy())
  if (protocol === 'http1') {
    tunnel.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    t.match(String((await once(tunnel, 'data'))[0]), /^HTTP\/1\.1 101 /)
  }
  await until(() => silent.held.length === 7, 'all are at the first backend')
  silent.server.close()
  const first = lb.running.pools.get('web')!.backends[0]!
  await until(() => !first.healthy, 'down')
  return { lb, spare, first, gets, post, stream, tunnel }
}

for (const [protocol, workers] of [
  ['http1', 0],
  ['http1', 1],
  ['h2c', 0]
] as const)
  // prettier-ignore
  t.test(`${protocol}, workers ${workers}: onDown: close ends what waits at a backend that is down`, async (t) => {
    const { lb, spare, first, gets, post, stream, tunnel } = await waiting(t, protocol, workers, 'close')
    await until(() => spare.held.length === 5, 'what may be asked twice is asked elsewhere')
    t.same([...new Set(spare.held)], ['/get'])
    t.equal((await post).status, 502, 'a POST may have been carried out')
    await t.rejects(stream.text(), 'a response that has begun breaks off')
    if (protocol === 'http1') await until(() => tunnel.closed, 'the tunnel is reset')
    await until(() => first.active === 0, 'no lease is left')
    const told = lb.lines.filter(({ fields }) => fields['event'] === 'requests-ended')
    const ended = told.reduce((sum, { fields }) => sum + Number(fields['requests']), 0)
    if (workers === 0) t.ok(ended >= 7, 'the log has their number')
    const reason = 'probes found the backend down'
    if (workers === 0) t.ok(lb.lines.some(({ fields }) => fields['status'] === 502 && fields['reason'] === reason))
    lb.running.kill()
    await Promise.allSettled(gets)
  })

t.test('onDown: keep leaves them to the timeouts', async (t) => {
  const { lb, spare, first, gets, post } = await waiting(t, 'http1', 0, 'keep')
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.equal(first.active, 8, 'all wait on')
  t.same(spare.held, [])
  lb.running.kill()
  await Promise.allSettled([...gets, post])
})
