import type { Pool } from '../../balancer/pool/pool.ts'
import type { L7ListenerConfig, RequestLimits, RouteConfig } from '../../config/model/model.ts'
import type { Gate } from '../../net/admission/gate.ts'
import type { TlsServer } from '../../net/tls/tls-server.ts'
import { compileCidrs } from '../../net/address/cidr.ts'
import type { HttpCache } from '../cache/http-cache.ts'
import type { EngineContext } from '../exchange/engine-context.ts'
import { compileEdits } from '../headers/header-edits.ts'
import type { Upstreams } from '../forward/upstreams.ts'
import { RetryBudget } from '../forward/retry-budget.ts'
import { compileRedirect } from '../router/redirect.ts'
import { compileRewrite } from '../router/rewrite.ts'
import { Router } from '../router/router.ts'
import { Split } from '../router/split.ts'
import { Sticky } from '../stages/sticky/sticky.ts'
import type { CompiledAction, CompiledPool, CompiledRoute, Snapshot, Target } from './snapshot.ts'

/** What a listener's snapshot is made of besides its configuration. */
export interface SnapshotParts {
  readonly config: L7ListenerConfig
  /** Throws for a name that config/ should have refused. */
  pool(name: string): CompiledPool
  /** Undefined: everybody may connect. */
  readonly gate: Gate | undefined
  /** Undefined: clear text. */
  readonly tls?: TlsServer | undefined
  /** The cache of a route that has one. */
  cache(route: RouteConfig): HttpCache | undefined
}

/** Routes compiled in one piece: 1 ms. */
const ROUTES_PER_PIECE = 100

/**
 * Builds everything that an exchange needs, so that nothing is looked up by name on its way. Between the pieces the
 * caller may do other things.
 */
export function* compilePieces(parts: SnapshotParts, context: EngineContext): Generator<void, Snapshot> {
  const { config } = parts
  const compiler = new Compiler(parts, context)
  const routes = []
  for (const route of config.routes) {
    routes.push({ match: route.match, value: compiler.route(route) })
    if (routes.length % ROUTES_PER_PIECE === 0) yield
  }
  return {
    config,
    router: new Router(routes, config.paths),
    trusted: compileCidrs(config.trustedProxies),
    gate: parts.gate,
    tls: parts.tls
  }
}

export function compileSnapshot(parts: SnapshotParts, context: EngineContext): Snapshot {
  const pieces = compilePieces(parts, context)
  for (;;) {
    const { done, value } = pieces.next()
    if (done === true) return value
  }
}

/** What forwarding to a pool needs on this thread. */
export function compilePool(
  pool: Pool,
  context: Pick<EngineContext, 'metrics' | 'clock'>,
  upstreams: Upstreams
): CompiledPool {
  const { config, name } = pool
  const keyed = config.algorithm === 'hash' || config.algorithm === 'maglev'
  return {
    pool,
    upstreams,
    budget: new RetryBudget(config.retry.budget, context.clock),
    hashKey: keyed ? config.hash.key : undefined,
    sticky: config.sticky === undefined ? undefined : new Sticky(pool, config.sticky),
    badStatuses: new Set(config.breaker.statuses),
    connectSeconds: context.metrics.histogram('lb_connect_duration_seconds', { pool: name }),
    queueSeconds: context.metrics.histogram('lb_queue_wait_seconds', { pool: name }),
    retries: context.metrics.counter('lb_retries_total', { pool: name })
  }
}

class Compiler {
  readonly #parts: SnapshotParts
  readonly #context: EngineContext

  constructor(parts: SnapshotParts, context: EngineContext) {
    this.#parts = parts
    this.#context = context
  }

  route(route: RouteConfig): CompiledRoute {
    const listener = this.#parts.config
    const limits = { ...listener.limits, ...route.limits }
    const labels = { listener: listener.name, route: route.name }
    const { metrics } = this.#context
    return {
      config: route,
      name: route.name,
      action: this.#action(route),
      rewrite: route.rewrite === undefined ? undefined : compileRewrite(route.rewrite, listener.paths),
      requestEdits: compileEdits(route.headers.request),
      responseEdits: compileEdits(route.headers.response),
      limits,
      guarded: Object.keys(route.limits).length > 0 || hasGuard(limits),
      cache: this.#parts.cache(route),
      mirror:
        route.mirror === undefined
          ? undefined
          : { target: this.#target(route, route.mirror.pool), share: route.mirror.share },
      requests: metrics.counter('lb_requests_total', labels),
      responses: ['1xx', '2xx', '3xx', '4xx', '5xx'].map((name) =>
        metrics.counter('lb_responses_total', { ...labels, class: name })
      )
    }
  }

  #action(route: RouteConfig): CompiledAction {
    const { action } = route
    switch (action.kind) {
      case 'pool':
        return { kind: 'pool', target: this.#target(route, action.pool) }
      case 'split': {
        const targets = action.targets.map(({ pool, weight }) => ({
          value: this.#target(route, pool),
          weight
        }))
        return { kind: 'split', targets: new Split(targets) }
      }
      case 'redirect':
        return { kind: 'redirect', status: action.status, location: compileRedirect(action.to) }
      case 'respond':
        return {
          kind: 'respond',
          status: action.status,
          fields: respondFields(action.headers),
          body: Buffer.from(action.body)
        }
    }
  }

  #target(route: RouteConfig, name: string): Target {
    const pool = this.#parts.pool(name)
    const { retry, timeouts } = pool.pool.config
    return {
      pool,
      retry: { ...retry, ...route.retry },
      connectMs: route.timeouts.connectMs ?? timeouts.connectMs,
      responseMs: route.timeouts.responseMs ?? timeouts.responseMs,
      idleMs: route.timeouts.idleMs ?? timeouts.idleMs,
      seconds: this.#context.metrics.histogram('lb_request_duration_seconds', {
        route: route.name,
        pool: name
      })
    }
  }
}

function respondFields(headers: Readonly<Record<string, string>>): string {
  const given = Object.entries(headers)
  const typed = given.some(([name]) => name.toLowerCase() === 'content-type')
  const lines = given.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return typed ? lines : `Content-Type: text/plain; charset=utf-8\r\n${lines}`
}

/** Limits that the parser does not look at. */
function hasGuard({ methods, bodyBytes, contentTypes }: RequestLimits): boolean {
  return methods !== undefined || bodyBytes !== undefined || contentTypes !== undefined
}
