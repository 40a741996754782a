import type { Spec } from '../harness/processes.ts'

/** What a proxy has to do in a scenario; each target writes its own configuration for it. */
export interface Work {
  readonly mode: 'http' | 'tcp' | 'udp'
  /** With `udp`: a session ends after so many answers to each datagram; 0: when idle. lb and nginx only. */
  readonly udpResponses: number
  /** host:port each. */
  readonly backends: readonly string[]
  readonly workers: number
  /** Keep what may be kept, in memory. */
  readonly cache: boolean
  /** Requests under way on one upstream connection. lb only. */
  readonly pipelining: number
  /** Path prefixes /r0/ … /r<n-1>/ to tell apart; 0: everything goes to the one pool. */
  readonly routes: number
  /** Actively probe the backends, every second. */
  readonly health: boolean
  /** TLS towards clients, with a P-256 certificate. */
  readonly tls: boolean
  /** HTTP/2 towards clients: by ALPN with `tls`, with prior knowledge without. */
  readonly h2: boolean
  /** What the backends speak: HTTP/1.1, HTTP/2 in clear text, or gRPC over that. */
  readonly backendSpeaks: 'http/1.1' | 'h2c' | 'grpc'
  /** A line per request to a file. */
  readonly accessLog: boolean
  /** Compress as asked: coding and level, or nothing. nginx has gzip only. */
  readonly compress: '' | 'zstd-1' | 'gzip-1' | 'gzip-4'
  /** What does something with each request besides. lb only. */
  readonly stages: readonly StageName[]
}

/** The first five are those of `five stages`. */
export const stageNames = [
  'limits',
  'edits',
  'log',
  'id',
  'sticky',
  'api-key',
  'rate',
  'concurrency',
  'security',
  'cors'
] as const
export type StageName = (typeof stageNames)[number]

export const plainWork: Omit<Work, 'backends'> = {
  mode: 'http',
  udpResponses: 0,
  workers: 1,
  cache: false,
  pipelining: 1,
  routes: 0,
  health: false,
  tls: false,
  h2: false,
  backendSpeaks: 'http/1.1',
  accessLog: false,
  compress: '',
  stages: []
}

export const targetNames = [
  'lb',
  'nginx',
  'haproxy',
  'caddy',
  'varnish',
  'http-proxy',
  'http-proxy-3',
  'httpxy',
  'fast-proxy',
  '@fastify/http-proxy',
  'direct'
] as const
/** `base`: lb of another commit, in bench/compare.ts. */
export type TargetName = (typeof targetNames)[number] | 'base'

/** Found with its version, or missing with the command that installs it. */
export type Found = { readonly version: string } | { readonly cure: string }

export interface Target {
  readonly name: TargetName
  find(): Found
  /** Why it cannot do this work; undefined when it can. */
  refuses(work: Work): string | undefined
  /** Writes its configuration into the folder and says how to start it. */
  spec(work: Work, port: number, folder: string): Omit<Spec, 'name' | 'cpus'>
}
