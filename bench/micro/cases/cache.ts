import type { RouteCache } from '../../../src/config/model/model.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { seededRandom } from '../../../src/core/random.ts'
import { HeaderBlock } from '../../../src/l7/message/header-block.ts'
import { HttpCache } from '../../../src/l7/cache/http-cache.ts'
import type { FetchResult } from '../../../src/l7/cache/decide/decision.ts'
import type { CacheRequest, CacheStore } from '../../../src/l7/cache/ports.ts'
import { MapStore } from '../../../test/fakes/map-store.ts'
import { createSharedStore } from '../../../src/l7/cache/store/memory/recovery.ts'
import { check, sink, type MicroCase } from '../micro-case.ts'

const config: RouteCache = {
  store: 'main',
  heuristic: 0,
  negativeTtlMs: {},
  key: { ignoreQuery: [], sortQuery: false, headers: [], cookies: [] },
  coalesce: true,
  setCookie: 'explicit',
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0
}

const request: CacheRequest = {
  method: 'GET',
  scheme: 'http',
  host: 'example.com',
  path: '/static/app.js',
  query: '',
  headers: new HeaderBlock('Host: example.com\r\nUser-Agent: bench\r\nAccept: */*\r\n')
}

const shared = { maxBytes: 1 << 24, maxObjectBytes: 1 << 20 }

export const cases: readonly MicroCase[] = [
  hitCase('on the heap', 1024, () => new MapStore({ maxBytes: 1 << 24, maxObjectBytes: 1 << 20 })),
  hitCase('shared, hot copy', 1024, () => createSharedStore({ ...shared, workers: 1 }, 1, 1 << 20)),
  hitCase('shared, out of the arena', 1024, () => createSharedStore({ ...shared, workers: 1 }, 1)),
  hitCase('shared, out of the arena', 64 * 1024, () => createSharedStore({ ...shared, workers: 1 }, 1)),
  {
    group: 'cache',
    name: 'make a key',
    prepare: () => {
      const store = new MapStore({ maxBytes: 1 << 20, maxObjectBytes: 1 << 20 })
      const options = {
        config,
        store,
        counters: { add: () => {} },
        clock: systemClock,
        random: seededRandom(1)
      }
      const { keys } = new HttpCache(options)
      check(keys.key(request)?.includes('/static/app.js') === true, 'key')
      return (count) => {
        for (let i = 0; i < count; i++) sink.value = keys.key(request)?.charCodeAt(8)
      }
    }
  }
]

/** A lookup of a fresh object, with the key, the policy and the body taken out. */
function hitCase(where: string, bytes: number, make: () => CacheStore): MicroCase {
  return {
    group: 'cache',
    name: `look up a fresh object of ${bytes >> 10} KB (${where})`,
    prepare: () => {
      const counters = { add: () => {} }
      const cache = new HttpCache({
        config,
        store: make(),
        counters,
        clock: systemClock,
        random: seededRandom(1)
      })
      const now = Date.now()
      const miss = cache.lookup(request, now)
      if (miss.kind !== 'fetch') throw new Error(`a ${miss.kind} in an empty cache`)
      const headers = new HeaderBlock(
        `Date: ${new Date(now).toUTCString()}\r\nCache-Control: public, max-age=3600\r\nContent-Type: text/javascript\r\n`
      )
      const result = miss.onResponse({ status: 200, reason: 'OK', headers }, bytes, now)
      fill(result, Buffer.alloc(bytes, 'c'))
      const hit = cache.lookup(request, now + 1000)
      check(hit.kind === 'hit' && hit.body?.length === bytes, `hit, not ${hit.kind}`)
      return (count) => {
        for (let i = 0; i < count; i++) sink.value = cache.lookup(request, now + 1000)
      }
    }
  }
}

function fill(result: FetchResult, body: Buffer): void {
  if (result.kind !== 'pass' || result.writer === undefined)
    throw new Error('the cache did not want the response')
  check(result.writer.write(body) && result.writer.finish(), 'stored')
}
