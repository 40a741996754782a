import t, { type Test } from 'tap'
import { ask, instance, load, passed } from './support/instance.ts'
import { redisCluster, withSentinel, withTls } from './support/redis-places.ts'
import { skip, until } from './support/redis-server.ts'

/** Servers and instances share two cores with other tests. */
t.setTimeout(240_000)

/** One of what passes through a limit of 1 that Redis keeps; while Redis is away, all do. */
const limit = { requests: 1, per: '1h', mode: 'exact', onError: 'allow' }
const counting = (url: string) => until('Redis is asked', async () => (await ask(url)).status === 429)

/** No request fails or waits for Redis while `meanwhile` is under way. */
async function underLoad(t: Test, url: string, meanwhile: () => Promise<void>): Promise<void> {
  let over = false
  const done = meanwhile().finally(() => (over = true))
  const slow: number[] = []
  let failed = 0
  while (!over) {
    for (const { status, ms } of await load([url], 20, 4)) {
      if (status !== 200 && status !== 429) failed++
      if (ms > 5000) slow.push(ms)
    }
  }
  await done
  t.equal(failed, 0, 'no request fails')
  t.strictSame(slow, [], 'none waits')
}

t.test('a failover by sentinels is followed, and no request fails meanwhile', { skip }, async (t) => {
  const { url: place, sentinel, replica, failOver } = await withSentinel(t)
  const { url, admin, logged } = await instance(t, place, limit)
  await counting(url)
  const info = (await (await fetch(`${admin}/api/info`)).json()) as { redis: object }
  t.match(info.redis, {
    place: `front by sentinels 127.0.0.1:1,127.0.0.1:${sentinel.port}`,
    up: 1,
    threads: 1
  })
  const config = await (await fetch(`${admin}/api/config`)).text()
  t.notMatch(config, 'right', 'the password is not shown')
  await underLoad(t, url, async () => {
    await failOver()
    await counting(url)
  })
  t.match(replica.cli('-a', 'right', '--scan'), 'lb:rate:', 'the new primary counts')
  await until('that is told', () => logged.at(-1) === 'Redis is reachable')
})

t.test('a cluster counts on all its nodes, and one that dies is stood in for', { skip }, async (t) => {
  const nodes = await redisCluster(t)
  const [first, ...others] = nodes
  const { url } = await instance(
    t,
    { url: `redis+cluster://127.0.0.1:${first.port},127.0.0.1:${others[0]!.port}`, timeout: '5s' },
    { ...limit, requests: 3, key: 'query:who', onError: 'local' }
  )
  await until('Redis is asked', async () => {
    await ask(`${url}/?who=me`)
    return nodes.some((node) => node.cli('--scan').includes('lb:rate:'))
  })
  for (let who = 0; who < 20; who++) {
    t.equal(passed(await load([`${url}/?who=${who}`], 6, 6)), 3, `client ${who}`)
  }
  t.ok(
    nodes.every((node) => node.cli('--scan').includes('lb:rate:')),
    'every node has some of them'
  )
  await others[1]!.stop()
  await underLoad(t, `${url}/?who=again`, async () => {
    await until(
      'the cluster is known to be down',
      () => !/cluster_state:ok/.test(first.cli('cluster', 'info'))
    )
  })
})

t.test('a login of an ACL over TLS with an authority of its own, and none but that', { skip }, async (t) => {
  const { place, ca } = await withTls(t)
  const good = await instance(
    t,
    { url: `rediss://lb:${encodeURIComponent('s@cret/1')}@${place}`, tls: { ca }, timeout: '5s' },
    limit
  )
  await counting(good.url)
  for (const [why, redis] of [
    ['an authority that nobody knows', { url: `rediss://lb:s%40cret%2F1@${place}` }],
    ['a wrong password', { url: `rediss://lb:wrong@${place}`, tls: { ca } }]
  ] as const) {
    const { url, logged } = await instance(t, redis, { ...limit, onError: 'deny' })
    await until(why, () => logged.length > 0)
    t.match(logged, ['Redis is not reachable: limits follow onError, caches use memory only'], why)
    t.equal((await ask(url)).status, 429, why)
  }
})
