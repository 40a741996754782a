// Renamed because a bundle's banner may declare createRequire itself.
import { createRequire as requireFrom } from 'node:module'
import type * as IoRedis from 'ioredis'
import type { Cluster, Redis, RedisOptions } from 'ioredis'
import type { RedisPlan } from './redis-plan.ts'

/** Time between tries to connect. */
const AGAIN_MS = 500
const MIN_CONNECT_MS = 1000

export type Connection = Redis | Cluster

export interface Node {
  readonly host: string
  readonly port: number
}

/**
 * Loaded by the first connection only: V8 compiles the code of every request less well in a thread that has loaded it
 * (1.3 µs more for a small GET, of 4.2), so threads without Redis must not load it.
 */
function load(): typeof IoRedis {
  return requireFrom(import.meta.url)('ioredis') as typeof IoRedis
}

/**
 * A connection that queues nothing and never sends a command twice. Commands of one turn of the event loop are sent
 * together.
 */
export function connect(plan: RedisPlan): Connection {
  const { kind, path, nodes, master, sentinelUsername, sentinelPassword } = plan.config
  const { Cluster, Redis } = load()
  const tls = tlsOf(plan)
  const options = optionsOf(plan)
  if (kind === 'cluster') {
    return new Cluster([...nodes], {
      redisOptions: options,
      enableOfflineQueue: false,
      enableAutoPipelining: true,
      maxRedirections: 3,
      clusterRetryStrategy: () => AGAIN_MS,
      slotsRefreshTimeout: MIN_CONNECT_MS,
      slotsRefreshInterval: 2 * MIN_CONNECT_MS
    })
  }
  const place: RedisOptions =
    kind === 'sentinel'
      ? {
          sentinels: [...nodes],
          name: master!,
          ...(sentinelUsername !== undefined && { sentinelUsername }),
          ...(sentinelPassword !== undefined && { sentinelPassword }),
          ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: tls }),
          sentinelRetryStrategy: () => AGAIN_MS,
          sentinelCommandTimeout: MIN_CONNECT_MS
        }
      : path !== undefined
        ? { path }
        : nodes[0]!
  return new Redis({ ...options, ...place, enableOfflineQueue: false, retryStrategy: () => AGAIN_MS })
}

/** To one node of a cluster. It does not connect again: its end is told by 'end'. */
export function connectTo(plan: RedisPlan, { host, port }: Node): Redis {
  const { Redis } = load()
  return new Redis({ ...optionsOf(plan), host, port, enableOfflineQueue: false, retryStrategy: () => null })
}

/** The nodes of a cluster, as far as they are known; none of another place. */
export function nodesOf(connection: Connection): readonly Node[] {
  if (!connection.isCluster) return []
  return (connection as Cluster).nodes().flatMap(({ options: { host, port } }) => {
    return host !== undefined && port !== undefined ? [{ host, port }] : []
  })
}

/** Call it after a command without an answer: the name or the primary may have moved to another server. */
export function reconnect(connection: Connection): void {
  // Cluster nodes report changes themselves.
  if (!connection.isCluster && connection.status === 'ready') connection.disconnect(true)
}

function tlsOf({ config, tls: material }: RedisPlan) {
  return (
    config.tls && {
      ...(material?.ca !== undefined && { ca: material.ca }),
      ...(material?.cert !== undefined && { cert: material.cert, key: material.key! }),
      ...(material?.serverName !== undefined && { servername: material.serverName }),
      rejectUnauthorized: config.tls.verify
    }
  )
}

function optionsOf(plan: RedisPlan): RedisOptions {
  const { username, password, db, timeoutMs } = plan.config
  const tls = tlsOf(plan)
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls }),
    db,
    protocol: 2,
    connectionName: 'lb',
    disableClientInfo: true,
    // Callers have their own deadlines; this one frees what a hung server leaves behind.
    commandTimeout: timeoutMs + MIN_CONNECT_MS,
    connectTimeout: Math.max(MIN_CONNECT_MS, timeoutMs),
    enableAutoPipelining: true,
    autoResendUnfulfilledCommands: false,
    // Subscriptions are renewed at each 'ready'. ioredis' own way creates a promise whose rejection is not handled when
    // the connection is lost by then.
    autoResubscribe: false,
    maxRetriesPerRequest: 0
  }
}
