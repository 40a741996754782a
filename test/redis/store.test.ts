import { randomInt } from 'node:crypto'
import t, { type Test } from 'tap'
import { parseRedisUrl } from '../../src/config/redis-url.ts'
import { systemClock as clock } from '../../src/core/clock.ts'
import { createLogger } from '../../src/core/log/log.ts'
import { Metrics } from '../../src/core/metrics/metrics.ts'
import { encodeEntry } from '../../src/l7/cache/entry.ts'
import { steadyNow } from '../../src/l7/cache/steady-now.ts'
import type { CacheStore } from '../../src/l7/cache/ports.ts'
import { CacheNames } from '../../src/redis/cache/names.ts'
import { RemoteCache } from '../../src/redis/cache/remote-cache.ts'
import { TieredStore } from '../../src/redis/cache/tiered-store.ts'
import { TierWords } from '../../src/redis/cache/tier-words.ts'
import { RedisLink } from '../../src/redis/redis-link.ts'
import { MapStore } from '../fakes/map-store.ts'
import { claimOf, storeContract } from '../l7/cache/support/store-contract.ts'
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
  const config = { ...place, timeoutMs: 5000, confirmTimeoutMs: 5000, prefix: 'lb:' }
  const link = new RedisLink(
    { config, tls: undefined },
    { clock, log, metrics: new Metrics(), board: undefined, thread: 1 }
  )
  t.teardown(() => link.close())
  const words = TierWords.create(1)
  words.applied = 0
  const memory = new MapStore({ maxBytes, maxObjectBytes })
  const names = new CacheNames('lb:', cache)
  const remote = new RemoteCache({ link, names, words, clock, instance: cache })
  if (!url.endsWith('nowhere')) await until('Redis is reached', () => link.usable)
  return { memory, store: new TieredStore(memory, remote, 1) }
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
  await t.test(
    'a fill begun before a removal is not stored after it, with the claim taken anew',
    async (t) => {
      const url = `unix:${server.path}`
      const cache = 'removed'
      const { store: slow } = await tiered(t, url, cache)
      const { store: other } = await tiered(t, url, cache)
      const exists = (name: string) => server.cli('--scan', '--pattern', `lb:cache:{${cache}:*${name}`) !== ''
      const fill = (key: string, askedAt: number) => {
        const writer = claimOf(slow, key).begin({
          info: encodeEntry({ kind: 'pass', until: 1e15 }),
          bytes: 1,
          tags: [],
          epoch: slow.epochOf(key),
          askedAt
        })!
        writer.write(Buffer.from('x'))
        return writer.finish()
      }
      const before = steadyNow(clock)
      other.invalidate('k')
      await until('Redis has heard of it', () => exists(':gone'))
      t.equal(fill('k', before), true, 'its own memory hears of it by the news')
      await until('it was refused', () => exists(':0') && !exists(':claim'))
      t.equal(exists('}'), false)
      server.cli('flushall')
      t.equal(fill('k', steadyNow(clock)), true)
      await until('what was asked for later is stored', () => exists('}'))
    }
  )
})

t.test('TieredStore without its Redis', (t) => {
  storeContract(t, async () => {
    const { memory, store } = await tiered(t, 'unix:/nowhere')
    return { store, maxBytes, used: () => memory.bytes }
  })
})
