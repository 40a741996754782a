import type { Discovery } from './discovery-model.ts'

/** Pools as part of the configuration in force (see model.ts). */

export type AlgorithmName =
  | 'round-robin'
  | 'weighted-round-robin'
  | 'least-connections'
  | 'random'
  | 'random-two'
  | 'least-time'
  | 'hash'
  | 'maglev'
  | 'first'

export type PoolProtocol = 'http1' | 'h2' | 'h2c'

export interface PoolConfig {
  readonly name: string
  readonly algorithm: AlgorithmName
  readonly hash: HashConfig
  /** Those of the file, followed by discovered ones. */
  readonly backends: readonly BackendConfig[]
  /** Undefined: only the file lists backends. */
  readonly discover?: Discovery
  /** Undefined: no probes, passive health only. */
  readonly health?: ProbeConfig
  /** Protocol of the backends: HTTP/1.1, HTTP/2 over TLS, HTTP/2 in clear text. */
  readonly protocol: PoolProtocol
  readonly breaker: BreakerConfig
  readonly outlier?: OutlierConfig
  readonly retry: RetryConfig
  readonly queue: {
    readonly max: number
    readonly timeoutMs: number
    /** How long requests wait while no backend can serve. Undefined: not at all. */
    readonly whileDownMs?: number
  }
  readonly sticky?: StickyConfig
  readonly slowStartMs: number
  /** Share of healthy backends, 0..1, below which health is ignored; 0 turns it off. */
  readonly panicThreshold: number
  readonly connections: {
    readonly maxIdle: number
    readonly pipelining: number
    /** Undefined: no limit. */
    readonly maxAgeMs?: number
    readonly maxRequests?: number
  }
  readonly timeouts: {
    readonly connectMs: number
    readonly responseMs: number
    readonly idleMs: number
    readonly keepAliveMs: number
  }
  /** Connections to the backends go out from this address. */
  readonly source?: string
  readonly proxyProtocol?: 'v1' | 'v2'
  readonly onDown: 'keep' | 'close'
  readonly onUp: 'keep' | 'close-backups'
  readonly onRemoved: 'keep' | 'close'
  /** TLS to the backends, with paths to PEM files; undefined: clear text. */
  readonly tls?: BackendTls
}

export interface BackendTls {
  readonly ca?: string
  readonly serverName?: string
  readonly cert?: string
  readonly key?: string
  readonly verify: boolean
}

export interface BackendConfig {
  /** Given, or the text of the address. Unique within the pool. */
  readonly name: string
  readonly address: BackendAddress
  /** 1..1000. */
  readonly weight: number
  /** Undefined: no limit. */
  readonly maxConnections?: number
  readonly backup: boolean
}

/** `text` is the form for logs: `10.0.0.1:80`, `[::1]:80`, `db.internal:5432`, `unix:/run/x.sock`. */
export type BackendAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly text: string }
  | { readonly kind: 'unix'; readonly path: string; readonly text: string }

export interface HashConfig {
  readonly key: HashKey
  /** A backend gets at most this multiple of the mean load (1.25); undefined: no bound. */
  readonly boundedLoad?: number
}

/** The key of the hash and maglev algorithms. Names of headers are lower case. */
export type HashKey =
  | { readonly kind: 'client-ip' }
  | { readonly kind: 'path' }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'cookie'; readonly name: string }
  | { readonly kind: 'query'; readonly name: string }

export interface ProbeConfig {
  readonly type: 'tcp' | 'tls' | 'http' | 'https' | 'grpc' | 'mysql' | 'postgres' | 'redis' | 'smtp' | 'udp'
  readonly intervalMs: number
  readonly timeoutMs: number
  /** Interval while down. */
  readonly downIntervalMs: number
  /** Share of the interval, 0..1. */
  readonly jitter: number
  readonly rise: number
  readonly fall: number
  /** Probe this port instead of the backend's. */
  readonly port?: number
  /** http: use HTTP/2, as the pool's backends do. */
  readonly http2?: true
  readonly path: string
  readonly host?: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  /** Inclusive ranges. */
  readonly statuses: readonly { readonly from: number; readonly to: number }[]
  /** The body must contain it. */
  readonly body?: string
  /** gRPC service name; empty means the server as a whole. */
  readonly service: string
  /** tcp: what to send (escapes resolved), and the text that the answer must contain. */
  readonly send?: string
  readonly expect?: string
  /** https and tls: verify the certificate. */
  readonly verify: boolean
  /** mysql and postgres: user name for the login, without a password. */
  readonly user: string
  /** Probes go out from this address, as connections of the pool do. */
  readonly source?: string
  /** Version of the PROXY header that a probe sends first. */
  readonly proxyProtocol?: 'v1' | 'v2'
}

export interface BreakerConfig {
  readonly enabled: boolean
  readonly failures: number
  readonly openMs: number
  /** Open time doubles with each failed trial up to this. */
  readonly maxOpenMs: number
  /** Response statuses that count as failures. */
  readonly statuses: readonly number[]
}

export interface OutlierConfig {
  readonly intervalMs: number
  readonly minRequests: number
  /** Ejected when its share of errors exceeds the pool's by this, 0..1. */
  readonly errorShare: number
  readonly ejectMs: number
  /** Largest share of the pool that may be ejected. */
  readonly maxEjected: number
}

export type RetryCondition = 'connect-failure' | 'reset' | 'timeout' | 'grpc-unavailable' | number

export interface RetryConfig {
  /** Further tries after the first. */
  readonly attempts: number
  /** Share of requests, 0..1. */
  readonly budget: number
  readonly on: readonly RetryCondition[]
  /** Also methods that are not idempotent. */
  readonly nonIdempotent: boolean
  /** Which requests may be sent again: idempotent methods, also those with an Idempotency-Key, or all. */
  readonly when: 'idempotent' | 'idempotency-key' | 'always'
}

export interface StickyConfig {
  readonly cookie: string
  readonly ttlMs?: number
  readonly secure: boolean | 'auto'
  readonly sameSite: 'lax' | 'strict' | 'none'
}
