import type { Test } from 'tap'
import { configure, start } from '../../../src/index.ts'

export interface Instance {
  readonly url: string
  readonly admin: string
  /** Messages about Redis. */
  readonly logged: string[]
  kill(): Promise<void>
}

/** A whole lb that counts by Redis and answers by itself. */
export async function instance(
  t: Test,
  redis: string | { readonly url: string; readonly timeout?: string; readonly tls?: object },
  limit: object,
  more: object = {}
): Promise<Instance> {
  const logged: string[] = []
  const take = (message: unknown) => {
    if (typeof message === 'string' && message.startsWith('Redis')) logged.push(message)
  }
  const lb = await start(
    configure({
      workers: 0,
      listeners: [
        {
          name: 'web',
          bind: '127.0.0.1:0',
          mode: 'l7',
          accessLog: false,
          routes: [{ match: {}, respond: { status: 200, body: 'fine' } }],
          ...({ rateLimit: { store: 'redis', key: 'all', ...limit } } as object)
        }
      ],
      admin: { bind: '127.0.0.1:0' },
      redis: typeof redis === 'string' ? { url: redis, timeout: '50ms' } : redis,
      ...more
    }),
    { log: { info: take, warn: take, error: take } }
  )
  t.teardown(() => lb.kill())
  return {
    url: `http://${lb.addresses[0]!.address}`,
    admin: `http://${lb.adminAddresses[0]!}`,
    logged,
    kill: () => lb.kill()
  }
}

export interface Seen {
  readonly status: number
  readonly ms: number
}

export async function ask(url: string): Promise<Seen> {
  const from = performance.now()
  const response = await fetch(url)
  await response.arrayBuffer()
  return { status: response.status, ms: performance.now() - from }
}

/** Asks each in turn, `width` at once. */
export async function load(urls: readonly string[], count: number, width = 10): Promise<Seen[]> {
  const seen: Seen[] = []
  for (let i = 0; i < count; i += width) {
    const asked = Array.from({ length: width }, (_, k) => ask(urls[(i + k) % urls.length]!))
    seen.push(...(await Promise.all(asked)))
  }
  return seen
}

export const passed = (seen: readonly Seen[]) => seen.filter(({ status }) => status === 200).length
