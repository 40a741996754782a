// Under this name a bundle's banner may declare createRequire itself.
import { createRequire as requireFrom } from 'node:module'
import type * as IoRedis from 'ioredis'
import type { Cluster, Redis, RedisOptions } from 'ioredis'
import type { RedisPlan } from './redis-plan.ts'

/** Between two tries to connect. */
const AGAIN_MS = 500
const MIN_CONNECT_MS = 1000

export type Connection = Redis | Cluster

/**
 * Loaded by the first connection only: a thread that has loaded it compiles the code of every request less well, whatever
 * that code is (1.3 µs more for a small GET, of 4.2), and no thread without Redis is to pay for it.
 */
function load(): typeof IoRedis {
  return requireFrom(import.meta.url)('ioredis') as typeof IoRedis
}

/**
 * A connection that never queues what cannot be sent now and never sends anything twice by itself. Commands of one turn of
 * the event loop go out together.
 */
export function connect({ config, tls: material }: RedisPlan): Connection {
  const { kind, path, nodes, master, username, password, sentinelUsername, sentinelPassword } = config
  const { timeoutMs } = config
  const { Cluster, Redis } = load()
  const tls = config.tls && {
    ...(material?.ca !== undefined && { ca: material.ca }),
    ...(material?.cert !== undefined && { cert: material.cert, key: material.key! }),
    ...(material?.serverName !== undefined && { servername: material.serverName }),
    rejectUnauthorized: config.tls.verify
  }
  const options: RedisOptions = {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls }),
    db: config.db,
    protocol: 2,
    connectionName: 'lb',
    disableClientInfo: true,
    // Whoever asks has a deadline of its own; this one frees what a hung server leaves behind.
    commandTimeout: timeoutMs + MIN_CONNECT_MS,
    connectTimeout: Math.max(MIN_CONNECT_MS, timeoutMs),
    enableAutoPipelining: true,
    autoResendUnfulfilledCommands: false,
    // Who subscribes does so at each 'ready'. ioredis' own way is a promise that nobody handles, when the connection is gone again by then.
    autoResubscribe: false,
    maxRetriesPerRequest: 0
  }
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

/** After a command that was not answered: another server may have the name, or the place of the primary, by now. */
export function reconnect(connection: Connection): void {
  // The nodes of a cluster tell each other, and then us.
  if (!connection.isCluster && connection.status === 'ready') connection.disconnect(true)
}
