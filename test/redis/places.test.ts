import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../free-port.ts'
import { makeAuthority, signedCertificate } from '../../src/net/tls/certificates/make-certificate.ts'
import { ask, instance, load, passed } from './support/instance.ts'
import { RedisServer, skip, until } from './support/redis-server.ts'

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

t.test('a failover by sentinels is followed, and nobody fails meanwhile', { skip }, async (t) => {
  const primary = new RedisServer(t, await freePort())
  const replica = new RedisServer(t, await freePort())
  const sentinel = new RedisServer(t, await freePort(), true)
  await primary.start('--requirepass', 'right', '--masterauth', 'right')
  const login = ['--requirepass', 'right', '--masterauth', 'right']
  await replica.start(...login, '--replicaof', '127.0.0.1', String(primary.port))
  sentinel.configure(
    [
      `sentinel monitor front 127.0.0.1 ${primary.port} 1`,
      'sentinel auth-pass front right',
      'sentinel down-after-milliseconds front 1000',
      'sentinel failover-timeout front 5000',
      ''
    ].join('\n')
  )
  await sentinel.start()
  await until('the sentinel knows the replica', () =>
    sentinel.cli('sentinel', 'replicas', 'front').includes(String(replica.port))
  )
  const { url, admin, logged } = await instance(
    t,
    `redis+sentinel://:right@127.0.0.1:1,127.0.0.1:${sentinel.port}/front`,
    limit
  )
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
    primary.signal('SIGSTOP')
    await until('the replica is promoted', () =>
      /role:master/.test(replica.cli('-a', 'right', 'info', 'replication'))
    )
    await counting(url)
  })
  t.match(replica.cli('-a', 'right', '--scan'), 'lb:rate:', 'the new primary counts')
  await until('that is told', () => logged.at(-1) === 'Redis is reachable')
})

t.test('a cluster counts on all its nodes, and one that dies is stood in for', { skip }, async (t) => {
  const nodes: RedisServer[] = []
  for (let i = 0; i < 3; i++) {
    const node = new RedisServer(t, await freePort())
    const bus = ['--cluster-port', String(await freePort())]
    await node.start('--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', ...bus)
    nodes.push(node)
  }
  const [first, ...others] = nodes as [RedisServer, RedisServer, RedisServer]
  const slots = 16_384
  for (const [i, node] of nodes.entries()) {
    const from = Math.floor((i * slots) / 3)
    node.cli('cluster', 'addslotsrange', String(from), String(Math.floor(((i + 1) * slots) / 3) - 1))
  }
  for (const node of others) {
    const [, , bus] = /:(\d+)@(\d+)/.exec(node.cli('cluster', 'nodes'))!
    first.cli('cluster', 'meet', '127.0.0.1', String(node.port), bus!)
  }
  await until('the cluster is whole', () =>
    nodes.every((node) => /cluster_state:ok[^]*cluster_known_nodes:3/.test(node.cli('cluster', 'info')))
  )
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
  const authority = await makeAuthority('Redis', Date.now())
  const { cert, key } = await signedCertificate(authority, ['127.0.0.1', 'localhost'], Date.now())
  const folder = t.testdir({ 'ca.pem': authority.certificate.cert })
  const server = new RedisServer(t)
  writeFileSync(join(server.folder, 'cert.pem'), cert)
  writeFileSync(join(server.folder, 'key.pem'), key)
  const port = await freePort()
  await server.start(
    ...['--tls-port', String(port), '--tls-auth-clients', 'no'],
    ...['--tls-cert-file', 'cert.pem', '--tls-key-file', 'key.pem', '--tls-ca-cert-file', 'cert.pem']
  )
  server.cli('acl', 'setuser', 'lb', 'on', '>s@cret/1', '~lb:*', '&lb:*', '+@all')
  const ca = join(folder, 'ca.pem')
  const place = `127.0.0.1:${port}`
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
    t.match(logged, ['Redis is not reachable: limits follow onError, caches do without'], why)
    t.equal((await ask(url)).status, 429, why)
  }
})
