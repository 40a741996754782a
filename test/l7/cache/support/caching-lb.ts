import type { Test } from 'tap'
import { startLb } from '../../../e2e/servers.ts'

/** The port of a whole lb, in this thread, that caches everything of one backend. */
export async function cachingLb(
  t: Test,
  backend: string,
  cache: object = { maxBytes: '8mb' }
): Promise<number> {
  const lb = await startLb(t, {
    workers: 0,
    listeners: [
      {
        name: 'web',
        bind: '127.0.0.1:0',
        mode: 'l7',
        routes: [{ match: {}, pool: 'web', cache: { store: 'main' } }]
      }
    ],
    pools: { web: { backends: [backend] } },
    caches: { main: cache }
  })
  return lb.port('web')
}
