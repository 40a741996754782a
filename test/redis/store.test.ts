import { randomInt } from 'node:crypto'
import t, { type Test } from 'tap'
import { parseRedisUrl } from '../../src/config/redis-url.ts'
import { systemClock as clock } from '../../src/core/clock.ts'
import { createLogger } from '../../src/core/log/log.ts'
import { Metrics } from '../../src/core/metrics/metrics.ts'
import type { CacheStore } from '../../src/l7/cache/ports.ts'
import { CacheNames } from '../../src/redis/cache/names.ts'
import { RemoteCache } from '../../src/redis/cache/remote-cache.ts'
import { TieredStore } from '../../src/redis/cache/tiered-store.ts'
import { TierWords } from '../../src/redis/cache/tier-words.ts'
import { RedisLink } from '../../src/redis/redis-link.ts'
import { MapStore } from '../fakes/map-store.ts'
import { storeContract } from '../l7/cache/support/store-contract.ts'
import { RedisServer, skip, until } from './support/redis-server.ts'

/** Servers and instances share two cores with other tests. */
t.setTimeout(240_000)

const maxBytes = 256 * 1024
const maxObjectBytes = 32 * 1024
const log = createLogger({ level: 'silent' })

interface Tiered {
  readonly memory: MapStore
  readonly store: CacheStore
}

/** A store of its own cache in Redis, as an instance without a follower has it. */
async function tiered(t: Test, url: string, cache = `c${randomInt(1e9)}`): Promise<Tiered> {
  const { tls: _, ...place } = parseRedisUrl(url)!
  const config = { ...place, timeoutMs: 5000, prefix: 'lb:' }
  const link = new RedisLink(
    { config, tls: undefined },
    { clock, log, metrics: new Metrics(), board: undefined, thread: 1 }
  )
  t.teardown(() => link.close())
  const words = TierWords.create()
  words.applied = 0
  const memory = new MapStore({ maxBytes, maxObjectBytes })
  const names = new CacheNames('lb:', cache)
  const remote = new RemoteCache({ link, names, words, clock, instance: cache })
  if (!url.endsWith('nowhere')) await until('Redis is reached', () => link.usable)
  return { memory, store: new TieredStore(memory, remote) }
}

t.test('TieredStore over a Redis', { skip }, async (t) => {
  const server = new RedisServer(t)
  await server.start()
  await t.test('holds the contract of stores', (t) => {
    storeContract(t, async () => {
      const { memory, store } = await tiered(t, `unix:${server.path}`)
      return { store, maxBytes, used: () => memory.bytes }
    })
  })
})

t.test('TieredStore without its Redis', (t) => {
  storeContract(t, async () => {
    const { memory, store } = await tiered(t, 'unix:/nowhere')
    return { store, maxBytes, used: () => memory.bytes }
  })
})
