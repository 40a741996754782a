import { own } from '../../core/own.ts'
import { defaults } from '../defaults.ts'
import type {
  AlgorithmName,
  BackendConfig,
  BackendTls,
  BreakerConfig,
  HashConfig,
  PoolConfig,
  ProbeConfig,
  RetryConfig,
  StickyConfig
} from '../model/model.ts'
import type { PoolInput } from '../schema/pool/pool.ts'
import type { ProbeInput } from '../schema/pool/probe.ts'
import { parseDuration } from '../units.ts'
import { buildBackend } from './backend.ts'
import { buildDiscover } from './discover.ts'
import type { ResolvePath } from './paths.ts'

export function buildPool(name: string, input: PoolInput, absolute: ResolvePath): PoolConfig {
  const backends = (input.backends ?? []).map((backend) => buildBackend(backend, absolute))
  const { timeouts } = input
  return {
    name,
    algorithm: input.algorithm ?? impliedAlgorithm(backends),
    hash: (input.hash ?? { key: { kind: defaults.hash.key } }) satisfies HashConfig,
    backends,
    protocol: input.protocol,
    ...(input.discover !== undefined && { discover: buildDiscover(input.discover, absolute) }),
    ...(input.health !== undefined && { health: buildProbe(input.health, input) }),
    breaker: buildBreaker(input.breaker, input.discover === undefined ? backends.length : Infinity),
    ...(input.outlier !== undefined && {
      outlier: {
        intervalMs: input.outlier.interval,
        minRequests: input.outlier.minRequests,
        errorShare: input.outlier.errorShare,
        ejectMs: input.outlier.eject,
        maxEjected: input.outlier.maxEjected
      }
    }),
    retry: buildRetry(input.retry),
    queue: {
      max: input.queue.max,
      timeoutMs: input.queue.timeout,
      ...(input.queue.whileDown !== undefined && { whileDownMs: input.queue.whileDown })
    },
    ...(input.sticky !== undefined && { sticky: buildSticky(input.sticky) }),
    slowStartMs: input.slowStart,
    panicThreshold: input.panicThreshold,
    connections: connectionsOf(input),
    timeouts: {
      connectMs: timeouts.connect,
      responseMs: timeouts.response,
      idleMs: timeouts.idle,
      keepAliveMs: timeouts.keepAlive
    },
    ...(input.source !== undefined && { source: input.source }),
    ...(input.proxyProtocol !== undefined && { proxyProtocol: input.proxyProtocol }),
    onDown: input.onDown,
    onUp: input.onUp,
    onRemoved: input.onRemoved,
    ...(input.tls !== undefined && { tls: buildTls(input.tls, absolute) })
  }
}

/** Weights without an algorithm imply one that uses them. */
function impliedAlgorithm(backends: readonly BackendConfig[]): AlgorithmName {
  return backends.some((backend) => backend.weight !== 1) ? 'weighted-round-robin' : 'round-robin'
}

/**
 * Without a `breaker` key: the defaults, except for a single backend. No other backend could take its traffic, so an
 * open breaker would turn five failures in a row into an outage of ten seconds; nginx does the same.
 */
function buildBreaker(input: PoolInput['breaker'], backends: number): BreakerConfig {
  const { failures, open, maxOpen, statuses } = defaults.breaker
  const given = input === false ? undefined : input
  const openMs = given?.open ?? parseDuration(open)!
  return {
    enabled: given !== undefined || (input === undefined && backends > 1),
    failures: given?.failures ?? failures,
    openMs,
    maxOpenMs: Math.max(openMs, given?.maxOpen ?? parseDuration(maxOpen)!),
    statuses: given?.statuses ?? (input === false ? [] : statuses)
  }
}

function buildRetry(input: PoolInput['retry']): RetryConfig {
  if (input !== false) return input
  return { attempts: 0, budget: 0, on: [], when: 'idempotent', nonIdempotent: false }
}

function buildSticky(input: NonNullable<PoolInput['sticky']>): StickyConfig {
  const { cookie, ttl, secure, sameSite } = input
  return { cookie, ...(ttl !== undefined && { ttlMs: ttl }), secure, sameSite }
}

export function buildTls(input: NonNullable<PoolInput['tls']>, absolute: ResolvePath): BackendTls {
  const { ca, cert, key, serverName, verify } = input
  return {
    ...(ca !== undefined && { ca: absolute(ca) }),
    ...(serverName !== undefined && { serverName }),
    ...(cert !== undefined && { cert: absolute(cert) }),
    ...(key !== undefined && { key: absolute(key) }),
    verify
  }
}

function buildProbe(
  input: ProbeInput,
  { protocol, source, proxyProtocol: ofPool }: Pick<PoolInput, 'protocol' | 'source' | 'proxyProtocol'>
): ProbeConfig {
  const { probe } = defaults
  const http = input.type === 'http' || input.type === 'https' ? input : undefined
  const tcp = input.type === 'tcp' || input.type === 'udp' ? input : undefined
  const host = 'host' in input ? input.host : undefined
  const inherits = (input.proxyProtocol ?? (input.port === undefined ? 'inherit' : 'none')) === 'inherit'
  const body = http?.expect.body
  return {
    type: input.type,
    intervalMs: input.interval,
    timeoutMs: input.timeout,
    // A pool that is probed every 500 ms must not be probed less often while it is down.
    downIntervalMs: Math.min(input.downInterval, input.interval),
    jitter: input.jitter,
    rise: input.rise,
    fall: input.fall,
    ...(input.port !== undefined && { port: input.port }),
    // Another port is another server, which is assumed to speak HTTP/1.1.
    ...(http !== undefined && protocol !== 'http1' && input.port === undefined && { http2: true as const }),
    path: http?.path ?? probe.path,
    ...(host !== undefined && { host }),
    method: http?.method ?? probe.method,
    headers: http?.headers ?? {},
    statuses: http?.expect.status ?? [{ from: 200, to: 399 }],
    ...(body !== undefined && { body }),
    service: input.type === 'grpc' ? input.service : probe.service,
    ...(tcp?.send !== undefined && { send: resolveEscapes(tcp.send) }),
    ...(tcp?.expect !== undefined && { expect: resolveEscapes(tcp.expect) }),
    verify: 'verify' in input ? input.verify : probe.verify,
    user: 'user' in input ? input.user : probe.user,
    ...(source !== undefined && { source }),
    ...(inherits && ofPool !== undefined && { proxyProtocol: ofPool })
  }
}

const ESCAPES: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', '0': '\0', '\\': '\\' }

/** Resolves escapes such as `PING\r\n` in a plain scalar; YAML resolves them between double quotes only. */
function resolveEscapes(text: string): string {
  return text.replace(/\\(?:x([0-9a-fA-F]{2})|([rnt0\\]))/g, (_, hex?: string, letter?: string) =>
    hex === undefined ? own(ESCAPES, letter!)! : String.fromCharCode(Number.parseInt(hex, 16))
  )
}

function connectionsOf({ connections }: PoolInput): PoolConfig['connections'] {
  const { maxAge, ...rest } = connections
  return { ...rest, ...(maxAge === undefined ? {} : { maxAgeMs: maxAge }) }
}
