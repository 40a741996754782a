import { connect as tlsConnect } from 'node:tls'
import t from 'tap'
import { acmeConfig, keeper, serveTokens } from '../acme/names.ts'
import { noPebble, startPebble } from '../acme/pebble.ts'
import { httpOrigin, startLb } from '../e2e/servers.ts'
import { configOf } from '../runtime/configs.ts'
import { systemClock } from '../../src/core/clock.ts'
import { selfSignedCertificate } from '../../src/net/tls/certificates/make-certificate.ts'
import { Challenges } from '../../src/net/tls/challenges.ts'
import { readUpstreamTls } from '../../src/net/tls/upstream-tls.ts'
import { RedisAcmeStorage } from '../../src/redis/acme/redis-acme-storage.ts'
import { connect } from '../../src/redis/connect.ts'
import type { RedisPlan } from '../../src/redis/redis-plan.ts'
import { withSentinel, withTls } from './support/redis-places.ts'
import { RedisServer, skip, until } from './support/redis-server.ts'

const planOf = (redis: { url: string; tls?: { ca: string } }): RedisPlan => {
  const { redis: config } = configOf({
    listeners: [{ bind: '127.0.0.1:0', mode: 'l4', pool: 'p' }],
    pools: { p: { backends: ['127.0.0.1:1'] } },
    redis: { ...redis, timeout: '2s' }
  })
  return { config: config!, tls: config!.tls && readUpstreamTls(config!.tls) }
}

const onSocket = ({ path }: RedisServer): RedisPlan => planOf({ url: `unix:${path}` })

t.test('what instances share in Redis: records, locks, challenges', { skip, timeout: 120_000 }, async (t) => {
  const server = new RedisServer(t)
  await server.start()
  const plan = onSocket(server)
  const memories = [Challenges.create(false), Challenges.create(false)] as const
  // Their clocks differ: what lives how long is by the clock of Redis.
  const ahead = { ...systemClock, wall: () => Date.now() + 45 * 60_000 }
  const one = new RedisAcmeStorage(plan, systemClock, memories[0])
  const two = new RedisAcmeStorage(plan, ahead, memories[1])
  const client = connect(plan)
  t.teardown(() => {
    for (const each of [one, two]) each.close()
    client.disconnect()
  })
  // Timers of lb hold no process open.
  const alive = setInterval(() => {}, 1_000)
  t.teardown(() => clearInterval(alive))

  t.equal(await one.name('a.example.com'), undefined)
  const lock = await one.lock('a.example.com')
  t.ok(lock)
  t.equal(await two.lock('a.example.com'), undefined)
  await one.writeName({ name: 'a.example.com', onDemand: 'web' })
  t.same(await two.name('a.example.com'), { name: 'a.example.com', onDemand: 'web' })
  t.match(await two.onDemand(), [{ name: 'a.example.com' }])
  await client.del('lb:acme:{a.example.com}:lock')
  await t.rejects(one.writeName({ name: 'a.example.com' }), /another process has taken the lock/)
  const next = await two.lock('a.example.com')
  t.ok(next, 'a lock that has run out is the next one’s')
  await lock!.release()
  t.equal(await one.lock('a.example.com'), undefined, 'and is not given back by another')
  await next!.release()
  await two.forget('a.example.com')
  t.same(await one.onDemand(), [])
  const authority = 'https://ca.example/dir'
  await one.writeAccount({ authority, key: 'k' })
  t.same(await two.account(authority), { authority, key: 'k' })
  await client.set('lb:acme:{bad.example.com}:record', 'no JSON')
  await t.rejects(one.name('bad.example.com'), /damaged; delete lb:acme:\{bad/)

  // Both have looked once, so that one waits for the other.
  await until('both are known', async () => (await client.hlen('lb:acme:{in-flight}:seen')) === 2)
  const takeBack = await one.shared.put({ token: 'token', keyAuthorization: 'token.thumb' })
  t.equal(memories[1].keyAuthorization('token'), 'token.thumb', 'it is there when the authority is told')
  const pair = await selfSignedCertificate(['a.example.com'], Date.now())
  const takeToo = await two.shared.put({ serverName: 'a.example.com', pair })
  t.same(memories[0].certificate('a.example.com'), pair)
  const pending = 'lb:acme:{in-flight}:challenges'
  t.equal(await client.hlen(pending), 2, 'nobody has deleted what another waits for')
  await client.hset(pending, 'dead:1', `${Math.floor(Date.now() / 1_000) - 5} {"token":"old"}`)
  await until('what a dead instance has left is gone', async () => (await client.hlen(pending)) === 2)
  await Promise.all([takeBack(), takeToo()])
  await until(
    'they are taken away',
    () =>
      memories[1].keyAuthorization('token') === undefined &&
      memories[0].certificate('a.example.com') === undefined
  )
})

t.test(
  'instances order each name once, whichever of them the authority asks',
  { skip: skip || noPebble, timeout: 180_000 },
  async (t) => {
    const server = new RedisServer(t)
    await server.start()
    const pebble = await startPebble(t)
    const plan = onSocket(server)
    const instance = () => {
      const challenges = Challenges.create(false)
      const storage = () => new RedisAcmeStorage(plan, systemClock, challenges)
      return { challenges, ...keeper(t, { challenges, storage }) }
    }
    const all = [instance(), instance(), instance()]
    // The authority comes to the last one only.
    await serveTokens(t, all[2]!.challenges, pebble.httpPort)
    const config = acmeConfig(pebble, 'redis')
    const names = Array.from({ length: 5 }, (_, i) => `n${i}.example.com`)
    await all[2]!.begin(config, ['last.example.com'])
    await all[2]!.until(() => all[2]!.names.certificate('last.example.com') !== undefined)
    await Promise.all([all[0]!.begin(config, names), all[1]!.begin(config, names)])
    const has = ({ names: kept }: (typeof all)[number]) =>
      names.every((name) => kept.certificate(name) !== undefined)
    for (const each of all.slice(0, 2)) await each.until(() => has(each))
    await all[2]!.begin(config, names)
    t.ok(has(all[2]!), 'there before anything listens')
    t.equal(pebble.orders(), names.length + 1)
    t.equal(new Set(all.map(({ names }) => names.certificate('n0.example.com')!.cert)).size, 1)
    // Redis away: what is there is served on, and nothing is ordered.
    await server.stop()
    t.ok(has(all[0]!))
  }
)

t.test(
  'records and OCSP responses are kept over sentinels, through a failover, and over TLS',
  { skip, timeout: 180_000 },
  async (t) => {
    const alive = setInterval(() => {}, 1_000)
    t.teardown(() => clearInterval(alive))
    const storageOn = (plan: RedisPlan) => {
      const storage = new RedisAcmeStorage(plan, systemClock, Challenges.create(false))
      t.teardown(() => storage.close())
      return storage
    }
    const record = { name: 'a.example.com', failure: { count: 1, reason: 'x', at: 1, nextAt: 2 } }
    const staple = Buffer.from([0, 255, 128, 10])
    const until1 = Date.now() + 3_600_000
    const fill = async (storage: RedisAcmeStorage) => {
      const lock = await storage.lock(record.name)
      await storage.writeName(record)
      await lock!.release()
      storage.stapleStore(Buffer.from('one')).write(staple, until1)
      storage.stapleStore(Buffer.from('past')).write(staple, 1)
      await until('it is written', async () => staple.equals((await read(storage)) ?? Buffer.alloc(0)))
    }
    const read = (storage: RedisAcmeStorage) => storage.stapleStore(Buffer.from('one')).read()

    const { place, ca } = await withTls(t)
    const tls = { url: `rediss://lb:s%40cret%2F1@${place}`, tls: { ca } }
    await fill(storageOn(planOf(tls)))
    const again = storageOn(planOf(tls))
    t.strictSame(await again.name(record.name), record)
    t.strictSame(await read(again), staple)
    t.equal(await again.stapleStore(Buffer.from('past')).read(), undefined)
    again.stapleStore(Buffer.from('one')).remove()
    await until('it is removed', async () => (await read(again)) === undefined)
    const stranger = storageOn(planOf({ url: tls.url }))
    await t.rejects(stranger.name(record.name), 'an authority that nobody knows')
    t.equal(await read(stranger), undefined, 'a response costs a question, and no more')

    const sentinels = await withSentinel(t)
    const before = storageOn(planOf({ url: sentinels.url }))
    await fill(before)
    await until('the replica has it', () =>
      /lb:acme:ocsp/.test(sentinels.replica.cli('-a', 'right', '--scan'))
    )
    await sentinels.failOver()
    const whole = async () => (await before.name(record.name).catch(() => undefined)) !== undefined
    await until('the new primary is asked', whole, 90_000)
    t.strictSame(await before.name(record.name), record)
    t.strictSame(await read(before), staple)
    const lock = await before.lock(record.name)
    await before.writeName({ name: record.name })
    await lock!.release()
    t.strictSame(await storageOn(planOf({ url: sentinels.url })).name(record.name), { name: record.name })
  }
)

t.test(
  'two lb with Redis show the same certificate, had by http-01 over either of them',
  { skip: skip || noPebble, timeout: 180_000 },
  async (t) => {
    const server = new RedisServer(t)
    await server.start()
    const pebble = await startPebble(t)
    const origin = await httpOrigin(t, 'web')
    const yaml = (bind: string, ...domains: readonly string[]) => ({
      workers: 1,
      redis: { url: `unix:${server.path}`, timeout: '2s' },
      acme: { directory: { url: pebble.url, ca: pebble.ca }, challenge: 'http-01', storage: 'redis' },
      listeners: [
        { name: 'http', bind, mode: 'l7', redirectToHttps: true },
        {
          ...{ name: 'https', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' },
          tls: { acme: { domains } }
        }
      ],
      pools: { web: { backends: [origin.address] } }
    })
    // The authority comes to the first, which does not look after the name.
    const first = await startLb(t, yaml(`127.0.0.1:${pebble.httpPort}`, 'd.example.com'))
    const second = await startLb(t, yaml('127.0.0.1:0', 'c.example.com', 'd.example.com'))
    const shown = (port: number): Promise<string | undefined> =>
      new Promise((resolve) => {
        const options = { port, host: '127.0.0.1', servername: 'c.example.com', rejectUnauthorized: false }
        const socket = tlsConnect(options, () => {
          resolve(socket.getPeerCertificate().fingerprint256)
          socket.destroy()
        })
        socket.on('error', () => resolve(undefined))
      })
    await until('the second has it', async () => (await shown(second.port('https'))) !== undefined, 90_000)
    const names = ['c.example.com', 'd.example.com']
    t.match(await first.apply(yaml(`127.0.0.1:${pebble.httpPort}`, ...names)), { changed: true })
    t.equal(await shown(first.port('https')), await shown(second.port('https')))
    await until(
      'both names are there',
      () => /lb_acme_names\{state="valid"\} 2\n/.test(first.running.metrics()),
      90_000
    )
    t.equal(pebble.orders(), 2)
  }
)
