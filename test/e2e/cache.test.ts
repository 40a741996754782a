import { request } from 'node:http'
import t from 'tap'
import type { Workers } from '../../src/runtime/workers/workers.ts'
import { get, load } from './clients.ts'
import { httpOrigin, startLb, until } from './servers.ts'

function yaml(origin: string, extra: object = {}) {
  return {
    workers: 2,
    admin: { bind: '127.0.0.1:0' },
    listeners: [
      {
        name: 'web',
        bind: '127.0.0.1:0',
        mode: 'l7',
        routes: [{ match: {}, pool: 'web', cache: { store: 'main', defaultTtl: '60s' }, ...extra }]
      }
    ],
    pools: { web: { backends: [origin] } },
    caches: { main: { maxBytes: '8mb' } }
  }
}

t.test(
  'what one worker stored all serve, over reloads and the death of one, until it is purged',
  async (t) => {
    const origin = await httpOrigin(t, 'web', (_, response) => {
      response.setHeader('cache-control', 'max-age=60')
      response.end(`answer ${origin.requests}`)
    })
    const lb = await startLb(t, yaml(origin.address), { crashable: true })
    const ask = async (times: number) => {
      const bodies = new Set<string>()
      // Each over a connection of its own: both workers get some.
      for (let i = 0; i < times; i++) bodies.add((await get(lb.port('web'), '/page')).body)
      return [...bodies]
    }
    t.strictSame(await ask(20), ['answer 1'])
    await lb.apply(yaml(origin.address, { timeouts: { response: '9s' } }))
    t.strictSame(await ask(20), ['answer 1'], 'kept over a reload')

    const workers = lb.running.planes as Workers
    workers.crash(1, 'deliberately')
    await until(
      () => workers.workers[0]!.restarts === 1 && workers.workers[0]!.state === 'running',
      'replaced'
    )
    t.strictSame(await ask(20), ['answer 1'], 'kept over a crash')

    const metrics = lb.running.metrics()
    t.match(metrics, /^lb_cache_entries\{cache="main"\} 1$/m)
    t.match(metrics, /^lb_cache_requests_total\{cache="main",result="hit"\} \d\d$/m)
    const report = await purge(Number(lb.running.adminAddresses[0]!.split(':').at(-1)))
    t.match(report, { purged: 1, caches: ['main'] })
    t.strictSame(await ask(20), ['answer 2'])
  }
)

t.test('whoever asks after a purge has returned gets nothing older, through any worker', async (t) => {
  let version = 0
  const origin = await httpOrigin(t, 'web', (_, response) => {
    const answered = String(version)
    response.setHeader('cache-control', 'max-age=60')
    // A fetch under way when the purge comes brings what was true before it.
    setTimeout(() => response.end(answered), Math.random() * 10)
  })
  const lb = await startLb(t, yaml(origin.address))
  const clients = load(t, () => lb.port('web'), 20, '/page')
  const admin = Number(lb.running.adminAddresses[0]!.split(':').at(-1))
  for (let round = 1; round <= 30; round++) {
    version = round
    await purge(admin)
    const bodies = await Promise.all(
      Array.from({ length: 8 }, async () => (await get(lb.port('web'), '/page')).body)
    )
    if (bodies.some((body) => body !== String(round))) t.fail(`${bodies.join(' ')} after purge ${round}`)
  }
  await clients.stop()
  t.strictSame([...clients.results.keys()], ['200'])
  t.ok(origin.requests < clients.total / 2, 'and nearly all were hits')
})

function purge(port: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const call = request(
      { host: '127.0.0.1', port, path: '/api/cache/purge', method: 'POST', headers },
      (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (part: string) => (body += part))
        response.on('end', () => resolve(JSON.parse(body)))
      }
    )
    call.on('error', reject)
    call.end(JSON.stringify({ all: true }))
  })
}
