import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { start, type Lb } from '../../src/index.ts'
import { Choices } from '../fakes/choices.ts'
import { resetSocket } from '../reset-socket.ts'
import { keepAlive } from './clients.ts'
import { httpOrigin } from './servers.ts'

const PATHS = [
  '/ok',
  '/ok',
  '/ok',
  '/big',
  '/slow',
  '/bad',
  '/busy',
  '/half',
  '/odd',
  '/never',
  '/nowhere'
] as const
const BIG = Buffer.alloc(80_000, 'x')

interface Line {
  readonly target: string
  readonly status: number
  readonly code?: string
  readonly attempts?: number
  readonly retries?: number
  readonly bytesOut: number
}

/** Adds up what `key` says of each. */
function tally<T>(all: Iterable<T>, key: (one: T) => string | undefined, by: (one: T) => number = () => 1) {
  const sums: Record<string, number> = {}
  for (const one of all) {
    const name = key(one)
    if (name !== undefined) sums[name] = (sums[name] ?? 0) + by(one)
  }
  return sums
}

/** The samples of a metric that are not 0, by the value of one label. */
function metric(lb: Lb, name: string, label: string): Record<string, number> {
  const samples = lb.metrics().matchAll(new RegExp(`^${name}\\{(.*)\\} (\\d+)$`, 'gm'))
  return tally(
    [...samples].filter(([, , value]) => value !== '0'),
    ([, labels]) => new RegExp(`(?:^|,)${label}="([^"]*)"`).exec(labels!)?.[1],
    ([, , value]) => Number(value)
  )
}

const sum = (record: Record<string, number>): number =>
  Object.values(record).reduce((all, one) => all + one, 0)

async function deadAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `127.0.0.1:${port}`
}

async function world(t: Test, seed: number) {
  const choices = new Choices(seed)
  const seen: Record<string, number> = {}
  /** Who waits for an answer that never comes leaves once a backend has the request. */
  const leavers = new Map<string, () => void>()
  const backend = async (name: string) => {
    const { address } = await httpOrigin(t, name, (request, response) => {
      seen[name] = (seen[name] ?? 0) + 1
      const [path, id] = request.url!.split('?')
      if (path === '/never') return leavers.get(id!)?.()
      if (path === '/odd') return void request.socket.end('this is not HTTP\r\n\r\n')
      if (path === '/half') {
        response.writeHead(200, { 'content-length': 1000 })
        response.write('only this much', () => resetSocket(request.socket))
        return
      }
      if (path === '/slow') return void setTimeout(() => response.end('late'), 20)
      response.statusCode = path === '/bad' ? 500 : path === '/busy' ? 503 : 200
      response.end(path === '/big' ? BIG : name)
    })
    return { name, address }
  }
  const log = join(t.testdir(), 'access.log')
  const backends = [
    ...(await Promise.all(['a', 'b', 'c'].map(backend))),
    { name: 'dead', address: await deadAddress() }
  ]
  const config = (attempts: number) => ({
    workers: 2,
    listeners: [
      {
        name: 'web',
        bind: '127.0.0.1:0',
        mode: 'l7' as const,
        accessLog: { file: log },
        routes: [{ match: { pathPrefix: '/there' }, rewrite: { stripPrefix: '/there' }, pool: 'web' }]
      }
    ],
    pools: {
      web: {
        backends,
        algorithm: choices.one(['round-robin', 'least-connections', 'random'] as const),
        retry: { attempts, budget: '100%', on: ['connect-failure', 'reset', 500] }
      }
    }
  })
  const lb = await start(config(2) as Parameters<typeof start>[0])
  t.teardown(() => lb.stop())
  const { port } = lb.addresses[0] as { port: number }
  const agent = keepAlive(t, 12)
  const client = { heads: {} as Record<string, number>, left: 0, bytes: 0 }
  const ask = (number: number): Promise<void> =>
    new Promise((resolve) => {
      const [kind, id] = [choices.one(PATHS), String(number)]
      const path = kind === '/nowhere' ? kind : `/there${kind}`
      const request = httpRequest({ host: '127.0.0.1', port, agent, path: `${path}?${id}` }, (response) => {
        const status = String(response.statusCode)
        client.heads[status] = (client.heads[status] ?? 0) + 1
        let bytes = 0
        response.on('data', (part: Buffer) => (bytes += part.length))
        response.on('error', () => {})
        response.on('close', () => {
          if (response.complete) client.bytes += bytes
          resolve()
        })
      })
      request.on('error', () => resolve())
      leavers.set(id, () => {
        client.left++
        request.destroy()
      })
      request.end()
    })
  const happen = async () => {
    const name = choices.one(['a', 'b', 'c', 'dead'])
    await choices.one([
      () => lb.drain('web', name),
      () => lb.maint('web', name),
      () => lb.ready('web', name),
      () => lb.ready('web', name),
      () => lb.apply({ ...config(choices.one([0, 1, 3])) } as Parameters<typeof start>[0])
    ])()
  }
  return { lb, log, seen, client, ask, happen }
}

for (const seed of process.env.LB_SEED === undefined ? [1, 2] : [Number(process.env.LB_SEED)]) {
  t.test(
    `the client, the access log, the metrics and the backends count the same (seed ${seed})`,
    async (t) => {
      const { lb, log, seen, client, ask, happen } = await world(t, seed)
      const SENT = 300
      let next = 0
      const run = async () => {
        while (next < SENT) {
          const number = next++
          if (number % 50 === 49) await happen()
          await ask(number)
        }
      }
      await Promise.all(Array.from({ length: 12 }, run))
      const lines = (): Line[] =>
        existsSync(log)
          ? readFileSync(log, 'utf8')
              .split('\n')
              .slice(0, -1)
              .map((line) => JSON.parse(line) as Line)
          : []
      for (const end = Date.now() + 30_000; lines().length < SENT && Date.now() < end;) await pause(20)
      const all = lines()
      t.equal(all.length, SENT, 'one line for each request')
      t.equal(new Set(all.map(({ target }) => target)).size, SENT, 'and for each its own')
      t.equal(sum(metric(lb, 'lb_requests_total', 'listener')), SENT)

      const { 499: gone = 0, ...answered } = tally(all, ({ status }) => String(status))
      t.strictSame(answered, client.heads, 'statuses of the log are those that the client saw')
      t.equal(gone, client.left, '499: those who left')
      t.strictSame(
        metric(lb, 'lb_responses_total', 'class'),
        tally(
          all.filter(({ status }) => status !== 499),
          ({ status }) => `${String(status)[0]}xx`
        ),
        'classes'
      )
      t.strictSame(
        metric(lb, 'lb_errors_total', 'code'),
        tally(all, ({ code }) => code),
        'codes'
      )
      t.equal(
        sum(
          tally(
            all.filter(({ code, status }) => code === undefined || status >= 400),
            () => 'bytes',
            ({ bytesOut }) => bytesOut
          )
        ),
        client.bytes,
        'bytes of whole answers'
      )

      const asked = metric(lb, 'lb_backend_requests_total', 'backend')
      t.equal(
        sum(asked),
        sum(
          tally(
            all,
            () => 'attempts',
            ({ attempts = 0 }) => attempts
          )
        ),
        'attempts'
      )
      t.equal(
        metric(lb, 'lb_retries_total', 'pool').web ?? 0,
        sum(
          tally(
            all,
            () => 'retries',
            ({ retries = 0 }) => retries
          )
        ),
        'retries'
      )
      const { dead = 0, ...alive } = asked
      t.strictSame(alive, seen, 'what each backend has seen')
      t.equal(
        metric(lb, 'lb_backend_failures_total', 'backend').dead ?? 0,
        dead,
        'each try on a dead backend failed'
      )
      for (const { name, requests } of lb.pools()[0]!.backends)
        t.equal(requests, asked[name] ?? 0, `lb status of ${name}`)
    }
  )
}
