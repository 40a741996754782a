import type { AcmeConfig, ListenerAcme } from './acme-model.ts'
import type { AddressBind, Bind } from './bind.ts'
import type { RedirectAction, RouteMatch } from './match-model.ts'
import type { PluginConfig } from './plugin-model.ts'
import type { AccessLog, ConnectionAccessLog } from './access-log-model.ts'
import type { BackendTls, PoolConfig, RetryConfig } from './pool-model.ts'
import type { ConfigTest } from './test-model.ts'

// One module for all readers of the configuration; the types of pools are separate because of their length.
export type * from './acme-model.ts'
export type * from './pool-model.ts'
export type * from './discovery-model.ts'
export type * from './match-model.ts'
export type * from './plugin-model.ts'
export type * from './test-model.ts'

/**
 * The configuration in force: what config/ makes of the validated YAML, with defaults filled in and units resolved
 * (durations in milliseconds, sizes in bytes, shares as 0..1). Plain readonly data that structuredClone can copy, since
 * the main thread sends it to the workers. Code that reads it need not check anything.
 */
export interface Config {
  /** Path of the file it was read from, for messages; undefined when given as an object. */
  readonly file?: string
  readonly workers: number | 'auto'
  readonly shutdown: { readonly graceMs: number; readonly delayMs: number }
  readonly user?: string
  readonly log: { readonly level: LogLevel }
  readonly admin?: AdminConfig
  /** Present where a listener has names for it. */
  readonly acme?: AcmeConfig
  readonly listeners: readonly ListenerConfig[]
  readonly pools: Readonly<Record<string, PoolConfig>>
  readonly caches: Readonly<Record<string, CacheStoreConfig>>
  /** The user's own stages, in the order of the file. */
  readonly plugins: readonly PluginConfig[]
  /** Modules that the file imports, if it is a module; they are watched too. */
  readonly imports?: readonly string[]
  /** Used by `lb test` and `lb check` only. */
  readonly tests: readonly ConfigTest[]
  readonly redis?: RedisConfig
}

/** One server, given by `path` (a unix socket) or by its only node, or the addresses of sentinels or cluster nodes. */
export interface RedisConfig {
  readonly kind: 'server' | 'sentinel' | 'cluster'
  readonly path?: string
  readonly nodes: readonly { readonly host: string; readonly port: number }[]
  /** Name of the master at the sentinels. */
  readonly master?: string
  readonly tls?: BackendTls
  readonly username?: string
  readonly password?: string
  readonly sentinelUsername?: string
  readonly sentinelPassword?: string
  readonly db: number
  readonly timeoutMs: number
  readonly confirmTimeoutMs: number
  readonly prefix: string
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

export interface AdminConfig {
  readonly binds: readonly AddressBind[]
  readonly token?: string
}

export type ListenerConfig = L4ListenerConfig | L7ListenerConfig

interface ListenerCommon {
  /** Given, or made from the mode and the first bind: `l7-8080`. Unique. */
  readonly name: string
  readonly binds: readonly Bind[]
  readonly allow: readonly string[]
  readonly deny: readonly string[]
  readonly maxConnections?: number
  readonly connectionLimit?: ConnectionLimit
  /** CIDRs that must send a PROXY header; undefined: no PROXY headers are read. */
  readonly proxyProtocol?: { readonly trusted: readonly string[] }
  /** Permissions of its unix sockets. */
  readonly socket?: { readonly mode?: number; readonly owner?: string; readonly group?: string }
  readonly tls?: ListenerTls
}

export interface ConnectionLimit {
  readonly perClient?: number
  /** Connections per second per client. */
  readonly ratePerSecond?: number
}

/** TLS of a listener. Certificates are paths to PEM files. */
export interface ListenerTls {
  readonly certificates: readonly { readonly cert: string; readonly key: string }[]
  /** Instead of `certificates`: all certificates in this folder. */
  readonly certificateFolder?: string
  readonly selfSigned: boolean
  readonly acme?: ListenerAcme
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  /** In OpenSSL's syntax; undefined: lb's default. */
  readonly ciphers?: string
  /** Whether to staple OCSP responses; undefined: where the certificate requires it. */
  readonly ocsp?: boolean
  readonly clientAuth?: {
    readonly ca: string
    readonly crl?: string
    readonly required: boolean
    readonly forward: boolean
  }
}

/** How to relay datagrams. */
export interface UdpConfig {
  readonly idleMs: number
  /**
   * Answers to each datagram of a client, after which its session ends; 0: none is expected. Undefined: it ends when
   * idle.
   */
  readonly responses?: number
  readonly maxSessions: number
  /** Most bytes out for each byte in, per session. */
  readonly amplification?: number
  /** SO_RCVBUF of each socket. */
  readonly receiveBuffer: number
}

export interface L4ListenerConfig extends ListenerCommon {
  readonly mode: 'l4'
  readonly protocol: 'tcp' | 'udp'
  /** Present exactly where `protocol` is udp. */
  readonly udp?: UdpConfig
  /** Pool for connections that match no `sni` entry; undefined: they are refused. */
  readonly pool?: string
  readonly sni: readonly { readonly host: string; readonly pool: string }[]
  readonly timeouts: {
    readonly idleMs: number
    /** How long the other side may send nothing after one side's FIN. */
    readonly halfCloseMs: number
    /** TLS handshake, SNI peek and PROXY header. */
    readonly handshakeMs: number
  }
  readonly accessLog: ConnectionAccessLog
}

export type HttpProtocol = 'h2' | 'http/1.1'

export interface L7ListenerConfig extends ListenerCommon {
  readonly mode: 'l7'
  /** Offered in ALPN with TLS, best first. */
  readonly protocols: readonly HttpProtocol[]
  readonly http2: { readonly maxStreams: number; readonly idleMs: number }
  readonly trustedProxies: readonly string[]
  /** Whether to answer requests of http-01 validations before routing. */
  readonly answersChallenges: boolean
  readonly limits: RequestLimits
  readonly timeouts: {
    /** TLS and PROXY header. */
    readonly handshakeMs: number
    readonly requestHeadersMs: number
    readonly idleMs: number
    /** For the whole body of a request; undefined: no limit. */
    readonly requestBodyMs?: number
    /** Bytes per second over a window, in both directions; undefined: no minimum. */
    readonly minRate?: { readonly bytes: number; readonly windowMs: number }
    readonly keepAliveMs: number
    readonly tunnelMs: number
  }
  readonly accessLog: AccessLog
  /** Add X-Backend-Server to responses. */
  readonly backendHeader: boolean
  /** Add Via to requests and responses, to responses only, or not at all. */
  readonly via: boolean | 'response'
  /** Forward TRACE; otherwise it is answered 405. */
  readonly trace: boolean
  readonly paths: PathPolicy
  /** For requests without a route. */
  readonly stages: StageValues
  /** Never empty: `pool: x` on the listener becomes one route that matches everything. */
  readonly routes: readonly RouteConfig[]
}

/** How to treat paths that servers read differently. */
export interface PathPolicy {
  /**
   * `%2f` and `%5c`: some servers read them as separators, others do not. `agree`: forwarded unchanged where both
   * readings choose the same route.
   */
  readonly encodedSlash: 'agree' | 'refuse' | 'keep'
  /** The text after a semicolon in a segment, which servlet containers treat as a parameter. */
  readonly semicolons: 'agree' | 'keep' | 'refuse' | 'strip'
  /** Whether `//` counts as `/` when routes are compared. */
  readonly mergeSlashes: boolean
}

export interface RequestLimits {
  readonly headBytes: number
  readonly headerCount: number
  readonly urlBytes: number
  /** Undefined: no limit. */
  readonly bodyBytes?: number
  /** Undefined: any method. */
  readonly methods?: readonly string[]
  /** Undefined: any type. */
  readonly contentTypes?: readonly string[]
}

/**
 * Values of the stages that are on by key; the listener's where the route has none. Each stage knows the type of its
 * own.
 */
export type StageValues = Readonly<Record<string, unknown>>

export interface RouteConfig {
  /** Given, or `listener/index`. Unique within the listener. */
  readonly name: string
  readonly match: RouteMatch
  readonly action: RouteAction
  readonly rewrite?: Rewrite
  readonly headers: { readonly request: HeaderEdits; readonly response: HeaderEdits }
  readonly stages: StageValues
  readonly cache?: RouteCache
  /** Overrides the pool's. */
  readonly retry?: Partial<RetryConfig>
  /** Overrides the pool's. */
  readonly timeouts: { readonly responseMs?: number; readonly connectMs?: number; readonly idleMs?: number }
  /** Overrides the listener's. */
  readonly paths: Partial<Pick<PathPolicy, 'encodedSlash'>>
  readonly limits: Partial<RequestLimits>
  readonly mirror?: {
    readonly pool: string
    readonly share: number
    /** Copies under way at once, per thread. */
    readonly max: number
    /** For one copy in all. */
    readonly timeoutMs: number
  }
}

export type RouteAction =
  | { readonly kind: 'pool'; readonly pool: string }
  | {
      readonly kind: 'split'
      readonly targets: readonly { readonly pool: string; readonly weight: number }[]
    }
  | RedirectAction
  | {
      readonly kind: 'respond'
      readonly status: number
      readonly body: string
      readonly headers: Readonly<Record<string, string>>
    }

export interface Rewrite {
  readonly stripPrefix?: string
  readonly addPrefix?: string
  readonly path?: { readonly regex: string; readonly to: string }
}

export interface HeaderEdits {
  readonly set: Readonly<Record<string, string>>
  readonly add: Readonly<Record<string, string>>
  readonly remove: readonly string[]
}

export interface RouteCache {
  /** A key of Config.caches. */
  readonly store: string
  readonly defaultTtlMs?: number
  readonly maxTtlMs?: number
  /** Heuristic freshness (RFC 9111 §4.2.2) as a share of the time since Last-Modified; 0 turns it off. */
  readonly heuristic: number
  /** How long to store responses without a lifetime, by status: negative caching. */
  readonly negativeTtlMs: Readonly<Record<string, number>>
  readonly key: {
    readonly ignoreQuery: readonly string[]
    readonly sortQuery: boolean
    readonly headers: readonly string[]
    readonly cookies: readonly string[]
    /**
     * Distinguishes the route from others over the same store that answer the same URLs; computed, not written by
     * users.
     */
    readonly scope?: string
  }
  readonly coalesce: boolean
  /**
   * Which responses are stored with their Set-Cookie: those with an explicit lifetime, those marked as shared, or none.
   */
  readonly setCookie: 'explicit' | 'shared' | 'never'
  /** Default stale windows where the response gives none. */
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
}

export interface CacheStoreConfig {
  readonly name: string
  readonly maxBytes: number
  readonly maxObjectBytes: number
  readonly store: 'memory' | 'redis'
}
