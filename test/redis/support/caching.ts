import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { configure } from '../../../src/index.ts'
import { start } from '../../../src/runtime/control/start.ts'
import type { Runtime } from '../../../src/runtime/runtime.ts'
import type { Workers } from '../../../src/runtime/workers/workers.ts'
import { memoryLogger } from '../../fakes/memory-logger.ts'
import { RedisServer, until } from './redis-server.ts'

export interface Origin {
  readonly port: number
  /** `GET /path` of each request that came. */
  readonly asked: string[]
}

export async function originOf(
  t: Test,
  answer: (request: IncomingMessage, response: ServerResponse) => void
): Promise<Origin> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    request.resume()
    answer(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, asked }
}

export interface CachingInstance {
  readonly url: string
  readonly admin: string
  purge(target: object): Promise<{ purged: number; unsent?: string[] }>
  kill(): Promise<void>
  /** A worker dies, and is replaced. */
  crash(worker: number): void
}

/** An instance that starts may have the port of one that died, whose connections are kept. */
const ONCE = { headers: { connection: 'close' } }

async function json<T>(url: string): Promise<T> {
  return (await (await fetch(url, ONCE)).json()) as T
}

export async function cachingInstance(
  t: Test,
  redis: { readonly url: string; readonly timeout: string },
  origin: Origin,
  workers = 0
): Promise<CachingInstance> {
  const lb = (await start(
    configure({
      workers,
      log: { level: 'silent' },
      listeners: [
        {
          name: 'web',
          bind: '127.0.0.1:0',
          mode: 'l7',
          accessLog: false,
          routes: [{ match: {}, pool: 'origin', ...{ cache: { store: 'main' } } }]
        }
      ],
      pools: { origin: { backends: [`127.0.0.1:${origin.port}`] } },
      caches: { main: { store: 'redis', maxBytes: '16mb', maxObjectBytes: '2mb' } },
      redis,
      admin: { bind: '127.0.0.1:0' }
    }),
    { log: memoryLogger('error'), logLevel: 'silent', crashable: true }
  )) as Runtime
  t.teardown(() => lb.kill())
  const admin = `http://${lb.adminAddresses[0]!}`
  await until('each thread reaches Redis, and the cache hears of purges', async () => {
    const { redis } = await json<{ redis: { up: number } }>(`${admin}/api/info`)
    const { caches } = await json<{ caches: [{ redis: { reachable: boolean } }] }>(`${admin}/api/caches`)
    return redis.up >= Math.max(1, workers) && caches[0].redis.reachable
  })
  return {
    url: `http://${lb.addresses[0]!.address}`,
    admin,
    async purge(target) {
      const headers = { ...ONCE.headers, 'content-type': 'application/json' }
      const answer = await fetch(`${admin}/api/cache/purge`, {
        method: 'POST',
        headers,
        body: JSON.stringify(target)
      })
      return (await answer.json()) as { purged: number; unsent?: string[] }
    },
    kill: () => lb.kill(),
    crash: (worker) => (lb.planes as Workers).crash(worker, 'deliberately')
  }
}

/** Both ask the origin under this name, so that they share what they store. */
export const HOST = 'site.test'

export interface Two {
  readonly server: RedisServer
  readonly a: CachingInstance
  readonly b: CachingInstance
}

export async function two(t: Test, origin: Origin, timeout = '5s', workers = 0): Promise<Two> {
  const server = new RedisServer(t)
  await server.start()
  const redis = { url: `unix:${server.path}`, timeout }
  const a = await cachingInstance(t, redis, origin, workers)
  const b = await cachingInstance(t, redis, origin, workers)
  return { server, a, b }
}

/** As a client of the site, whichever instance it comes to. */
export async function ask(
  { url }: CachingInstance,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET'
): Promise<{ status: number; body: string; status9211: string; etag: string; age: number }> {
  const asking = request(`${url}${path}`, { method, headers: { host: HOST, ...headers } })
  asking.end()
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return {
    status: response.statusCode!,
    body: Buffer.concat(chunks).toString('latin1'),
    status9211: String(response.headers['cache-status'] ?? ''),
    etag: String(response.headers['etag'] ?? ''),
    age: Number(response.headers['age'] ?? -1)
  }
}
