import type { ExplainRequest, ExplanationView } from './api/explanation.ts'
import type { AdminState, BreakerState, ProbeState } from '../balancer/pool/states.ts'

/**
 * What the admin listener needs from the running process; the runtime implements it. Every answer is plain JSON data:
 * times are ISO 8601 strings in UTC, durations have their unit in the name.
 */
export interface ControlPlane {
  info(): InfoView
  /** Metrics in Prometheus' text format. */
  metrics(): string
  /** Problems of lb itself, in words: a worker that is stuck or keeps dying. */
  troubles(): readonly string[]
  listeners(): readonly ListenerView[]
  /** In the order of the configuration. */
  pools(): readonly PoolView[]
  connections(): Eventually<ConnectionsView>
  caches(): Eventually<readonly CacheView[]>
  /** Names whose certificates are obtained by ACME. */
  certificates(): readonly CertificateView[]
  /** Certificates that need an OCSP response. */
  staples(): readonly StapleView[]
  /** The configuration in force, with secrets: the admin API masks them. */
  config(): object
  /** Undefined: there is no such backend. A ControlError says why a change is not possible. */
  changeBackend(pool: string, backend: string, change: BackendChange): Eventually<BackendView | undefined>
  /** `plan`: reports what would change, without changing it. */
  reload(plan: boolean): Promise<ReloadReport>
  /** A ControlError says that there is no such cache. */
  purge(request: PurgeRequest): Eventually<PurgeReport>
  /** A ControlError says that no listener gets such a request. */
  explain(request: ExplainRequest): Eventually<ExplanationView>
}

export type Eventually<T> = T | Promise<T>

/** A well-formed request that cannot be executed; the message is shown to the operator. */
export class ControlError extends Error {
  override readonly name = 'ControlError'
  readonly code: 'not-found' | 'conflict' | 'unavailable'

  constructor(code: 'not-found' | 'conflict' | 'unavailable', message: string) {
    super(message)
    this.code = code
  }
}

export interface InfoView {
  readonly version: string
  readonly node: string
  readonly pid: number
  readonly startedAt: string
  /** The time by the clock of lb's machine, which all times here go by. */
  readonly now: string
  readonly uptimeSeconds: number
  readonly workers: number
  /** `draining` from the first SIGTERM on. */
  readonly state: 'running' | 'draining'
  readonly configFile?: string
  readonly configLoadedAt?: string
  readonly redis?: RedisView
}

export interface RedisView {
  /** `10.0.0.5:6379`, a path, or the addresses of sentinels or cluster nodes. */
  readonly place: string
  /** Threads of this process that reach it, of those that use it. */
  readonly up: number
  readonly threads: number
}

/** The answer of /api/certificates. */
export interface CertificatesView {
  readonly certificates: readonly CertificateView[]
  readonly staples: readonly StapleView[]
}

export interface StapleView {
  /** File of the certificate. */
  readonly file: string
  readonly state: 'good' | 'failed' | 'none'
  /** The same in words. */
  readonly text: string
  readonly responder?: string
  readonly nextUpdate?: string
  readonly nextTryAt?: string
  /** Reason of the last failure. */
  readonly reason?: string
}

export interface CertificateView {
  readonly name: string
  readonly state: 'valid' | 'renewing' | 'ordering' | 'waiting' | 'failed'
  /** `authorised by tls-alpn-01, renews in 41 days`. */
  readonly text: string
  /** Host of the authority that signed the certificate in use. */
  readonly authority?: string
  readonly notAfter?: string
  readonly renewAt?: string
  /** Failures in a row. */
  readonly failures: number
  readonly reason?: string
  readonly nextTryAt?: string
}

/** Traffic of a listener since `lb` started, and per second over the last five to ten seconds. */
export interface ListenerTraffic {
  /** Accepted connections; for UDP: sessions. */
  readonly connections: number
  readonly refused: number
  /** For `mode: l7`. */
  readonly requests?: number
  /** From clients, for UDP. */
  readonly datagrams?: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly perSecond: {
    readonly connections: number
    readonly requests?: number
    readonly datagrams?: number
    readonly bytesIn: number
    readonly bytesOut: number
  }
}

export interface ListenerView extends ListenerTraffic {
  readonly name: string
  readonly mode: 'l4' | 'l7'
  readonly protocol: 'tcp' | 'udp' | 'http'
  /** `address` is the actual address, with the port even when the configuration says 0. */
  readonly binds: readonly { readonly address: string; readonly bound: boolean }[]
  readonly tls: boolean
  /** Client connections open now. */
  readonly open: number
  readonly pools: readonly string[]
}

export interface PoolView {
  readonly name: string
  readonly algorithm: string
  /** How many backends may be picked now. */
  readonly usable: number
  /** So few backends are healthy that health is ignored. */
  readonly panic: boolean
  readonly queue: { readonly waiting: number; readonly max: number }
  readonly backends: readonly BackendView[]
  /** The source of its backends, other than the file. */
  readonly discovery?: DiscoveryView
}

export interface DiscoveryView {
  /** `dns api.internal (srv)`. */
  readonly source: string
  /** Number of backends in the last answer. */
  readonly backends: number
  readonly answeredAt?: string
  /** Why the last try failed; absent if it did not. */
  readonly error?: string
}

export interface BackendView {
  readonly name: string
  readonly address: string
  /** The result of probes; `unknown` before the first, or without probes. */
  readonly state: ProbeState
  /** Set by the operator. */
  readonly admin: AdminState
  readonly breaker: BreakerState
  readonly ejected: boolean
  /** Can be picked now (unless it is full). */
  readonly usable: boolean
  /** Why it cannot be picked, or the reason of the last change. */
  readonly reason?: string
  /** Since when it has been so. */
  readonly since?: string
  /** Probes failed in a row, or requests in a row where there are no probes. */
  readonly failures: number
  readonly lastHealthyAt?: string
  readonly probe?: {
    readonly result: 'ok' | 'fail'
    readonly latencyMs: number
    readonly at: string
    readonly reason?: string
  }
  /** Present while it drains and keeps clients with its sticky cookie. */
  readonly sessions?: {
    readonly until: string
    /** Clients that came with the cookie within the last ten minutes, as an estimate. */
    readonly holders: number
    readonly watchedSeconds: number
  }
  /** Active leases: requests, tunnels, L4 connections. At 0 nothing runs over it. */
  readonly active: number
  /** Connections open to it, idle ones included. */
  readonly open: number
  readonly weight: number
  /** Its current weight: less than `weight` in slow start, 0 while it cannot be picked. */
  readonly effectiveWeight: number
  /** Latency to the response head (L7) or to the connection (L4), as a decaying average. */
  readonly latencyMs?: number
  readonly backup: boolean
  readonly maxConnections?: number
  /** Requests; L4 connections and UDP sessions of relaying listeners. */
  readonly requests: number
  readonly failedRequests: number
  /** Requests per second, over the last five to ten seconds. */
  readonly perSecond: number
}

export interface ConnectionsView {
  /** Client connections open now, over all listeners. */
  readonly open: number
  readonly oldestSeconds?: number
  readonly listeners: readonly {
    readonly name: string
    readonly open: number
    readonly oldestSeconds?: number
  }[]
}

/** What threads count of a cache, since the start. */
export interface CacheTraffic {
  readonly requests: CacheRequests
  readonly stored: number
}

export interface CacheView extends CacheTraffic {
  readonly name: string
  readonly entries: number
  readonly bytes: number
  readonly maxBytes: number
  readonly evicted: number
  readonly purged: number
  /**
   * Present where Redis is behind it: whether purges of other instances arrive, how many instances there are besides this
   * one, and how many of our purges have not been sent.
   */
  readonly redis?: {
    readonly reachable: boolean
    readonly others: number
    readonly unsent: number
    readonly heard: number
  }
}

/** Requests by what became of them, as `lb_cache_requests_total` counts them. */
export interface CacheRequests {
  readonly hit: number
  readonly stale: number
  readonly revalidated: number
  readonly coalesced: number
  readonly miss: number
  readonly bypass: number
}

export interface BackendChange {
  readonly state?: AdminState
  /** With `drain`: how long to keep clients with its sticky cookie. */
  readonly sessionsMs?: number
  /** 1..1000. */
  readonly weight?: number
}

export interface ReloadReport {
  readonly changed: boolean
  /** What changed, one sentence each: `pool api: +1 backend, -1 draining`. */
  readonly lines: readonly string[]
  /** Why the configuration was refused; then nothing changed. */
  readonly errors?: readonly string[]
}

export type PurgeTarget =
  { readonly kind: 'url' | 'prefix' | 'tag'; readonly values: readonly string[] } | { readonly kind: 'all' }

export interface PurgeRequest {
  /** Undefined: every cache. */
  readonly cache?: string
  readonly target: PurgeTarget
  /** What is named stays, and counts as stale from now on. */
  readonly soft?: true
}

export interface PurgeReport {
  /** Responses removed, or made stale. */
  readonly purged: number
  readonly caches: readonly string[]
  /** Caches whose purge could not be sent to Redis yet: other instances will purge when it is back. */
  readonly unsent?: readonly string[]
}
