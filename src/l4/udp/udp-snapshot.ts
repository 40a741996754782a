import type { Pool } from '../../balancer/pool/pool.ts'
import type { L4ListenerConfig, UdpConfig } from '../../config/model/model.ts'
import { Gate } from '../../net/admission/gate.ts'
import { connectionLog, type ConnectionLog } from '../access/connection-log.ts'
import type { L4Deps } from '../deps.ts'

/** What one version of a UDP listener's configuration means to sessions that begin under it. */
export interface UdpSnapshot {
  readonly config: L4ListenerConfig
  readonly udp: UdpConfig
  readonly gate: Gate
  readonly pool: Pool
  /** Pick by the client's address. */
  readonly hashesClient: boolean
  readonly accessLog: ConnectionLog | undefined
}

/** Throws where the pool is missing or the access log cannot be opened. Without other effects. */
export function buildUdpSnapshot(
  config: L4ListenerConfig,
  pools: ReadonlyMap<string, Pool>,
  deps: L4Deps
): UdpSnapshot {
  const pool = pools.get(config.pool!)
  if (pool === undefined) throw new Error(`no pool ${config.pool}`)
  const udp = config.udp!
  const { algorithm, hash } = pool.config
  return {
    config,
    udp,
    gate: new Gate({ ...config, maxConnections: udp.maxSessions }, deps.admission, deps.clock),
    pool,
    hashesClient: (algorithm === 'hash' || algorithm === 'maglev') && hash.key.kind === 'client-ip',
    accessLog: connectionLog(config.accessLog, deps)
  }
}
