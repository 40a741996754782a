import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { configure, start } from '../../../src/index.ts'
import { until } from './redis-server.ts'

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
}

async function json<T>(url: string): Promise<T> {
  return (await (await fetch(url)).json()) as T
}

export async function cachingInstance(
  t: Test,
  redis: { readonly url: string; readonly timeout: string },
  origin: Origin,
  workers = 0
): Promise<CachingInstance> {
  const lb = await start(
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
    })
  )
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
      const headers = { 'content-type': 'application/json' }
      const answer = await fetch(`${admin}/api/cache/purge`, {
        method: 'POST',
        headers,
        body: JSON.stringify(target)
      })
      return (await answer.json()) as { purged: number; unsent?: string[] }
    },
    kill: () => lb.kill()
  }
}
