import type { ExplainRequest, ExplanationView } from './api/explanation.ts'
import type { AdminState, BreakerState, ProbeState } from '../balancer/pool/states.ts'

/**
 * What the admin listener needs of the running process; the runtime implements it. Every answer is plain JSON data,
 * made for the asking: times are ISO 8601 strings in UTC, durations say their unit.
 */
export interface ControlPlane {
  info(): InfoView
  /** Prometheus text. */
  metrics(): string
  /** What of lb itself does not do its work, in words: a worker that is stuck or keeps dying. */
  troubles(): readonly string[]
  listeners(): readonly ListenerView[]
  /** In the order of the configuration. */
  pools(): readonly PoolView[]
  connections(): Eventually<ConnectionsView>
  caches(): Eventually<readonly CacheView[]>
  /** Names whose certificates are obtained by ACME. */
  certificates(): readonly CertificateView[]
  /** Certificates that want an OCSP response. */
  staples(): readonly StapleView[]
  /** The configuration in force, secrets and all: the admin API masks them. */
  config(): object
  /** Undefined: there is no such backend. A ControlError says why a change cannot be made. */
  changeBackend(pool: string, backend: string, change: BackendChange): Eventually<BackendView | undefined>
  /** `plan`: says what would change, and changes nothing. */
  reload(plan: boolean): Promise<ReloadReport>
  /** A ControlError says that there is no such cache. */
  purge(request: PurgeRequest): Eventually<PurgeReport>
  /** A ControlError says that no listener takes such a request. */
  explain(request: ExplainRequest): Eventually<ExplanationView>
}

export type Eventually<T> = T | Promise<T>

/** A request that is well formed and cannot be done; the message is shown to the operator. */
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
  readonly uptimeSeconds: number
  readonly workers: number
  /** `draining` from the first SIGTERM on. */
  readonly state: 'running' | 'draining'
  readonly configFile?: string
  readonly configLoadedAt?: string
  readonly redis?: RedisView
}

export interface RedisView {
  /** `10.0.0.5:6379`, a path, or whom the sentinels or the cluster are asked for. */
  readonly place: string
  /** Threads of this process that reach it, of those that ask it. */
  readonly up: number
  readonly threads: number
}

/** What /api/certificates answers. */
export interface CertificatesView {
  readonly certificates: readonly CertificateView[]
  readonly staples: readonly StapleView[]
}

export interface StapleView {
  /** Of the certificate. */
  readonly file: string
  readonly state: 'good' | 'failed' | 'none'
  /** The same in words. */
  readonly text: string
  readonly responder?: string
  readonly nextUpdate?: string
  readonly nextTryAt?: string
  /** Of the last failure. */
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
  /** In a row. */
  readonly failures: number
  readonly reason?: string
  readonly nextTryAt?: string
}

/** What passed a listener since `lb` started, and per second over the last five to ten seconds. */
export interface ListenerTraffic {
  /** Accepted; of UDP: sessions. */
  readonly connections: number
  readonly refused: number
  /** Of `mode: l7`. */
  readonly requests?: number
  /** From clients, of UDP. */
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
  /** `address` is where it really listens: the port is known even when the configuration says 0. */
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
  /** So few are healthy that health is ignored. */
  readonly panic: boolean
  readonly queue: { readonly waiting: number; readonly max: number }
  readonly backends: readonly BackendView[]
  /** Where its backends are learnt from, if anywhere but in the file. */
  readonly discovery?: DiscoveryView
}

export interface DiscoveryView {
  /** `dns api.internal (srv)`. */
  readonly source: string
  /** Found by the last answer. */
  readonly backends: number
  readonly answeredAt?: string
  /** Why the last try failed; left out: it did not. */
  readonly error?: string
}

export interface BackendView {
  readonly name: string
  readonly address: string
  /** The probes' verdict; `unknown` before the first, or without probes. */
  readonly state: ProbeState
  /** The operator's word. */
  readonly admin: AdminState
  readonly breaker: BreakerState
  readonly ejected: boolean
  /** Would be picked now (being full aside). */
  readonly usable: boolean
  /** Why it is not, or what the last change said. */
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
  /** While it drains and keeps the clients that hold its sticky cookie. */
  readonly sessions?: {
    readonly until: string
    /** Clients that came with the cookie within the last ten minutes, as an estimate. */
    readonly holders: number
    readonly watchedSeconds: number
  }
  /** Leases held: requests, tunnels, L4 connections. Nothing runs over it any more when this is 0. */
  readonly active: number
  /** Connections open to it, idle ones included. */
  readonly open: number
  readonly weight: number
  /** What it counts for now: less than its weight in slow start, 0 while it is not picked. */
  readonly effectiveWeight: number
  /** Of its answers: to the response head (L7) or to the connection (L4), as an average that forgets. */
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

export interface CacheView {
  readonly name: string
  readonly entries: number
  readonly bytes: number
  readonly maxBytes: number
  /** Where Redis lies behind it: whether purges of other instances are heard, and how many of ours are not yet told. */
  readonly redis?: { readonly reachable: boolean; readonly unsent: number; readonly heard: number }
}

export interface BackendChange {
  readonly state?: AdminState
  /** With `drain`: for so long it keeps the clients that hold its sticky cookie. */
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
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'prefix'; readonly prefix: string }
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'all' }

export interface PurgeRequest {
  /** Undefined: every cache. */
  readonly cache?: string
  readonly target: PurgeTarget
}

export interface PurgeReport {
  /** Responses removed. */
  readonly purged: number
  readonly caches: readonly string[]
  /** Caches in Redis that cannot be told now: other instances hear of it when they can. */
  readonly unsent?: readonly string[]
}
