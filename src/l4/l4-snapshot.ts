import type { Pool } from '../balancer/pool/pool.ts'
import type { L4ListenerConfig } from '../config/model/model.ts'
import type { Histogram } from '../core/metrics/metrics.ts'
import { Gate } from '../net/admission/gate.ts'
import type { DialOptions } from '../net/dial/dial.ts'
import type { ListenerTlsMaterial } from '../net/tls/listener-tls.ts'
import { ServerNames } from '../net/tls/server-names.ts'
import { TlsServer } from '../net/tls/tls-server.ts'
import { UpstreamTls, type UpstreamTlsMaterial } from '../net/tls/upstream-tls.ts'
import { connectionLog, type ConnectionLog } from './access/connection-log.ts'
import type { L4Deps } from './deps.ts'
import { hashString } from '../core/hash-string.ts'

/** Everything that one version of a listener's configuration means to connections that begin under it. */
export interface L4Snapshot {
  readonly config: L4ListenerConfig
  readonly gate: Gate
  /** Undefined: TLS is passed through, or there is none. */
  readonly tls: TlsServer | undefined
  /** By the name in the ClientHello; undefined: the name does not matter. */
  readonly names: ServerNames<L4Target> | undefined
  /** For what no name claims; undefined: refused. */
  readonly target: L4Target | undefined
  /** All pools that it leads to, by name. */
  readonly targets: ReadonlyMap<string, L4Target>
  /** Undefined: only failures are logged. */
  readonly accessLog: ConnectionLog | undefined
}

/** A pool, with what connections to it need. */
export interface L4Target {
  readonly pool: Pool
  readonly dial: DialOptions
  readonly connectSeconds: Histogram
  readonly queueSeconds: Histogram
  /** Pick by the client's address. */
  readonly hashesClient: boolean
  /** Ports of the listener itself. */
  readonly ports: ReadonlySet<number>
  /** Its unix sockets. */
  readonly paths: ReadonlySet<string>
  /** Backends that turned out to be the listener itself, and Clock.now() until which they are not tried. */
  readonly loops: Map<string, number>
}

/** The contents of PEM files, read by whoever may (runtime, before privileges are dropped). */
export interface L4Material {
  readonly listener?: ListenerTlsMaterial
  /** By pool name. */
  readonly pools?: ReadonlyMap<string, UpstreamTlsMaterial>
}

/** Builds a snapshot; throws where a certificate cannot be used, a pool is missing, or the access log cannot be opened. Without other effects. */
export function buildL4Snapshot(
  config: L4ListenerConfig,
  pools: ReadonlyMap<string, Pool>,
  material: L4Material,
  deps: L4Deps
): L4Snapshot {
  const targets = new Map<string, L4Target>()
  const ports = new Set(config.binds.flatMap((bind) => (bind.kind === 'tcp' ? [bind.port] : [])))
  const paths = new Set(config.binds.flatMap((bind) => (bind.kind === 'unix' ? [bind.path] : [])))
  const target = (name: string): L4Target => {
    let made = targets.get(name)
    if (made === undefined)
      targets.set(name, (made = makeTarget(name, { ports, paths }, pools, material, deps)))
    return made
  }
  if (config.tls !== undefined && material.listener === undefined) {
    throw new Error(`listener ${config.name}: no certificates were read`)
  }
  const names = config.sni.map(({ host, pool }) => [host, target(pool)] as const)
  const handshakeTimeoutMs = config.timeouts.handshakeMs
  return {
    config,
    gate: new Gate(config, deps.admission, deps.clock),
    tls:
      material.listener &&
      new TlsServer(material.listener, { name: config.name, handshakeTimeoutMs }, deps.tls),
    names: names.length === 0 ? undefined : new ServerNames(names, false),
    target: config.pool === undefined ? undefined : target(config.pool),
    targets,
    accessLog: connectionLog(config.accessLog, deps)
  }
}

function makeTarget(
  name: string,
  own: Pick<L4Target, 'ports' | 'paths'>,
  pools: ReadonlyMap<string, Pool>,
  material: L4Material,
  deps: L4Deps
): L4Target {
  const pool = pools.get(name)
  if (pool === undefined) throw new Error(`no pool ${name}`)
  const { config } = pool
  const tls = material.pools?.get(name)
  if (config.tls !== undefined && tls === undefined)
    throw new Error(`pool ${name}: no certificates were read`)
  return {
    pool,
    ...own,
    loops: new Map(),
    dial: {
      connectTimeoutMs: config.timeouts.connectMs,
      deadlines: deps.deadlines,
      tls: tls && new UpstreamTls(tls),
      // The engine does it for connections that live long (KEEP_ALIVE_AFTER_MS).
      keepAlive: false,
      lookup: deps.lookup,
      source: config.source
    },
    connectSeconds: deps.metrics.histogram('lb_connect_duration_seconds', { pool: name }),
    queueSeconds: deps.metrics.histogram('lb_queue_wait_seconds', { pool: name }),
    hashesClient:
      (config.algorithm === 'hash' || config.algorithm === 'maglev') && config.hash.key.kind === 'client-ip'
  }
}

/** The hash of a client for `hash` and `maglev`: of its address alone, so that it stays with one backend. */
export function clientHash(address: string | undefined): number {
  return hashString(address ?? '')
}
