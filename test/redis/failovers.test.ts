import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeAuthority, signedCertificate } from '../../src/net/tls/certificates/make-certificate.ts'
import { freePort } from '../free-port.ts'
import { full, suffer, timeoutMs, type Fault } from './support/fault.ts'
import { moveSlots, redisCluster, replicaOf, withSentinel } from './support/redis-places.ts'
import { RedisServer, skip, until } from './support/redis-server.ts'
import { TwoProcesses } from './support/two-processes.ts'

// Two whole `lb` whose Redis is more than one server, or behind TLS: what fails over in the middle of traffic. LB_BARS=full: all of it. A failover
// may be over before all threads have noticed: nobody asks there that they were away.

t.setTimeout(600_000)
const redis = (url: string, more: object = {}) => ({ url, timeout: `${timeoutMs}ms`, ...more })
/** What comes back soon after it was found is left alone for a while: that is looked at elsewhere. */
const rest = () => new Promise((resolve) => setTimeout(resolve, full ? 6000 : 0))

if (full)
  t.test('the primary of a Sentinel hangs, and its replica takes its place', { skip }, async (t) => {
    const { url, primary, replica, sentinel, failOver } = await withSentinel(t)
    const lbs = await TwoProcesses.start(t, redis(url))
    await suffer(t, lbs, {
      name: 'failover',
      away: true,
      begin: () => primary.signal('SIGSTOP'),
      end: failOver
    })
    primary.signal('SIGCONT')
    await rest()
    await until('the old primary is a replica', () =>
      /role:slave/.test(primary.cli('-a', 'right', 'info', 'replication'))
    )
    await suffer(t, lbs, {
      name: 'the sentinel dies, which nobody needs now',
      away: false,
      begin: () => sentinel.stop(),
      end: () => sentinel.startAgain()
    })
    await suffer(t, lbs, {
      name: 'the new primary is killed, and the old one takes its place',
      away: false,
      begin: () => replica.stop(),
      end: () =>
        until(
          'the old one is promoted',
          () => /role:master/.test(primary.cli('-a', 'right', 'info', 'replication')),
          90_000
        )
    })
  })

t.test('a node of a cluster is out of order', { skip }, async (t) => {
  const [first, second, third] = await redisCluster(t)
  const nodes = [first, second, third].map(({ port }) => `127.0.0.1:${port}`).join()
  const lbs = await TwoProcesses.start(t, redis(`redis+cluster://${nodes}`))
  const faults: Fault[] = [
    { name: 'killed', away: true, begin: () => second.stop(), end: () => second.startAgain() },
    {
      name: 'stopped',
      away: true,
      begin: () => third.signal('SIGSTOP'),
      end: () => third.signal('SIGCONT')
    },
    {
      name: 'the one that lb was told of first, killed',
      away: true,
      begin: () => first.stop(),
      end: () => first.startAgain()
    },
    {
      name: 'full',
      away: true,
      begin: () => second.cli('config', 'set', 'maxmemory', '1'),
      end: () => second.cli('config', 'set', 'maxmemory', '0')
    }
  ]
  for (const fault of full ? faults : faults.slice(0, 1)) {
    await t.test(fault.name, (t) => suffer(t, lbs, fault))
    await rest()
  }
})

if (full)
  t.test('the nodes of a cluster change', { skip }, async (t) => {
    const [first, second, third] = await redisCluster(t)
    const replica = await replicaOf(t, second)
    const lbs = await TwoProcesses.start(t, redis(`redis+cluster://127.0.0.1:${first.port}`))
    await suffer(t, lbs, {
      name: 'a node is killed, and its replica takes its place',
      away: false,
      begin: () => second.stop(),
      end: () => until('it is promoted', () => /role:master/.test(replica.cli('info', 'replication')), 60_000)
    })
    await rest()
    let moving: Promise<void> | undefined
    await suffer(t, lbs, {
      name: '3,000 slots move from one node to another',
      away: false,
      begin: () => void (moving = moveSlots(first, third, 3000)),
      end: () => moving
    })
    t.match(
      first.cli('info', 'errorstats'),
      /errorstat_MOVED:count=[1-9]/,
      'clients have asked at the old place'
    )
    t.comment(first.cli('info', 'errorstats').replaceAll('\r\n', ' '))
  })

if (full)
  t.test('the certificate of Redis has expired after a restart', { skip }, async (t) => {
    const authority = await makeAuthority('Redis', Date.now())
    const server = new RedisServer(t)
    const certify = async (now: number) => {
      const { cert, key } = await signedCertificate(authority, ['127.0.0.1'], now)
      writeFileSync(join(server.folder, 'cert.pem'), cert)
      writeFileSync(join(server.folder, 'key.pem'), key)
    }
    const ca = join(server.folder, 'ca.pem')
    writeFileSync(ca, authority.certificate.cert)
    await certify(Date.now())
    const port = await freePort()
    await server.start(
      ...['--tls-port', String(port), '--tls-auth-clients', 'no'],
      ...['--tls-cert-file', 'cert.pem', '--tls-key-file', 'key.pem', '--tls-ca-cert-file', 'cert.pem']
    )
    const lbs = await TwoProcesses.start(t, redis(`rediss://127.0.0.1:${port}`, { tls: { ca } }))
    await suffer(t, lbs, {
      name: 'expired',
      away: true,
      async begin() {
        await server.stop()
        await certify(Date.now() - 10 * 365 * 86_400_000)
        await server.startAgain()
      },
      async end() {
        await server.stop()
        await certify(Date.now())
        await server.startAgain()
      }
    })
  })
