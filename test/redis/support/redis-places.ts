import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { freePort } from '../../free-port.ts'
import { makeAuthority, signedCertificate } from '../../../src/net/tls/certificates/make-certificate.ts'
import { RedisServer, until } from './redis-server.ts'

export interface Sentinels {
  /** Its first sentinel does not exist. */
  readonly url: string
  readonly sentinel: RedisServer
  readonly primary: RedisServer
  readonly replica: RedisServer
  /** The primary hangs; resolves once the replica has taken its place. */
  failOver(): Promise<void>
}

/** A primary, a replica and a sentinel, all with the password `right`. */
export async function withSentinel(t: Test): Promise<Sentinels> {
  const primary = new RedisServer(t, await freePort())
  const replica = new RedisServer(t, await freePort())
  const sentinel = new RedisServer(t, await freePort(), true)
  const login = ['--requirepass', 'right', '--masterauth', 'right']
  await primary.start(...login)
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
  return {
    url: `redis+sentinel://:right@127.0.0.1:1,127.0.0.1:${sentinel.port}/front`,
    ...{ sentinel, primary, replica },
    async failOver() {
      primary.signal('SIGSTOP')
      const promoted = () => /role:master/.test(replica.cli('-a', 'right', 'info', 'replication'))
      await until('the replica is promoted', promoted, 90_000)
    }
  }
}

async function clusterNode(t: Test): Promise<RedisServer> {
  const node = new RedisServer(t, await freePort())
  const bus = ['--cluster-port', String(await freePort())]
  await node.start('--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', ...bus)
  return node
}

const idOf = (node: RedisServer) => node.cli('cluster', 'myid').trim()

/** Joins the cluster as the replica of a node. */
export async function replicaOf(t: Test, primary: RedisServer): Promise<RedisServer> {
  const replica = await clusterNode(t)
  const [, , bus] = /:(\d+)@(\d+)/.exec(replica.cli('cluster', 'nodes'))!
  primary.cli('cluster', 'meet', '127.0.0.1', String(replica.port), bus!)
  await until('it is known, and follows', () =>
    /^OK/.test(replica.cli('cluster', 'replicate', idOf(primary)))
  )
  await until('it is up to date', () => /master_link_status:up/.test(replica.cli('info', 'replication')))
  return replica
}

/** Moves slots with all that is in them, while clients use them: they are told MOVED and ASK. */
export async function moveSlots(from: RedisServer, to: RedisServer, count: number): Promise<void> {
  const url = `127.0.0.1:${from.port}`
  const how = ['--cluster-from', idOf(from), '--cluster-to', idOf(to), '--cluster-slots', String(count)]
  const args = ['--cluster', 'reshard', url, ...how, '--cluster-yes', '--cluster-pipeline', '50']
  await promisify(execFile)('redis-cli', args, { maxBuffer: 1e8, timeout: 120_000 })
}

/** Three nodes that share the slots. */
export async function redisCluster(t: Test): Promise<readonly [RedisServer, RedisServer, RedisServer]> {
  const nodes: RedisServer[] = []
  for (let i = 0; i < 3; i++) nodes.push(await clusterNode(t))
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
  return [first, ...others]
}

/** A server with TLS by an authority of its own, and the user `lb` with the password `s@cret/1`. */
export async function withTls(t: Test): Promise<{ readonly place: string; readonly ca: string }> {
  const authority = await makeAuthority('Redis', Date.now())
  const { cert, key } = await signedCertificate(authority, ['127.0.0.1', 'localhost'], Date.now())
  const server = new RedisServer(t)
  const ca = join(server.folder, 'ca.pem')
  writeFileSync(ca, authority.certificate.cert)
  writeFileSync(join(server.folder, 'cert.pem'), cert)
  writeFileSync(join(server.folder, 'key.pem'), key)
  const port = await freePort()
  await server.start(
    ...['--tls-port', String(port), '--tls-auth-clients', 'no'],
    ...['--tls-cert-file', 'cert.pem', '--tls-key-file', 'key.pem', '--tls-ca-cert-file', 'cert.pem']
  )
  server.cli('acl', 'setuser', 'lb', 'on', '>s@cret/1', '~lb:*', '&lb:*', '+@all')
  return { place: `127.0.0.1:${port}`, ca }
}
