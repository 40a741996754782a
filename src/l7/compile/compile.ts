import type { Pool } from '../../balancer/pool/pool.ts'
import type { L7ListenerConfig, RouteConfig } from '../../config/model/model.ts'
import type { Gate } from '../../net/admission/gate.ts'
import type { TlsServer } from '../../net/tls/tls-server.ts'
import { compileCidrs } from '../../net/address/cidr.ts'
import type { HttpCache } from '../cache/http-cache.ts'
import type { EngineContext } from '../exchange/engine-context.ts'
import { compileEdits } from '../headers/header-edits.ts'
import type { Underway } from '../forward/underway.ts'
import type { Upstreams } from '../forward/upstreams.ts'
import { RetryBudget } from '../forward/retry/attempts.ts'
import { Router } from '../router/router.ts'
import { comparing } from '../uri/path-policy.ts'
import { Sticky } from '../stages/sticky/sticky.ts'
import { stages, type LoadedStage } from '../stages/loaded.ts'
import type { SessionStores } from '../stages/auth/oidc/remote-sessions.ts'
import type { RemoteRates } from '../stages/rate-limit/remote-rates.ts'
import { makeRefuse, type Refuse } from '../stages/refuse.ts'
import type { Stage } from '../stages/stage.ts'
import type { OrderEntry } from '../stages/order.ts'
import { stageMemoryId, type StageMemory } from '../stages/stage-memory.ts'
import type { CompiledPool, CompiledRoute, L7Snapshot, Target } from './l7-snapshot.ts'
import { routeCounts } from '../exchange-counts.ts'
import { ownedFields } from '../headers/owned-fields.ts'
import { earlyHooks, stageHooks } from './stage-lists.ts'

/** What a listener's snapshot is made of besides its configuration. */
export interface L7SnapshotInput {
  readonly config: L7ListenerConfig
  /** Throws for a name that config/ should have refused. */
  pool(name: string): CompiledPool
  /** Undefined: everybody may connect. */
  readonly gate: Gate | undefined
  /** Undefined: clear text. */
  readonly tls?: TlsServer | undefined
  /** The cache of a route that has one. */
  cache(route: RouteConfig): HttpCache | undefined
  /** Of this thread: 0 is the main thread. */
  readonly thread?: number
  /** Shared memory of stages, by `stageMemoryId`. */
  readonly stageMemories?: ReadonlyMap<string, unknown>
  /** The table with plugins in it; left out: the table. */
  readonly stages?: readonly LoadedStage[]
  /** Counts that several instances share; undefined without any. */
  remoteRates?(): RemoteRates | undefined
  /** Sessions that several instances share; undefined without any. */
  remoteSessions?(): SessionStores | undefined
}

/** Routes compiled in one piece: 1 ms. */
const ROUTES_PER_PIECE = 100

/**
 * Builds everything that an exchange needs, so that nothing is looked up by name on its way. Between the pieces the
 * caller may do other things.
 */
export function* compilePieces(input: L7SnapshotInput, context: EngineContext): Generator<void, L7Snapshot> {
  const { config } = input
  const compiler = new Compiler(input, context)
  const routes = []
  for (const route of config.routes) {
    routes.push({ match: route.match, value: compiler.route(route) })
    if (routes.length % ROUTES_PER_PIECE === 0) yield
  }
  return {
    config,
    early: earlyHooks(compiler.early),
    stages: stageHooks(compiler.early, compiler.late(undefined)),
    router: new Router(routes, comparing(config.paths)),
    trusted: compileCidrs(config.trustedProxies),
    gate: input.gate,
    tls: input.tls
  }
}

export function compileSnapshot(input: L7SnapshotInput, context: EngineContext): L7Snapshot {
  const pieces = compilePieces(input, context)
  for (;;) {
    const { done, value } = pieces.next()
    if (done === true) return value
  }
}

/** What forwarding to a pool needs on this thread. */
export function compilePool(
  pool: Pool,
  context: Pick<EngineContext, 'metrics' | 'clock' | 'deadlines'>,
  upstreams: Upstreams,
  underway?: Underway
): CompiledPool {
  const { config, name } = pool
  const keyed = config.algorithm === 'hash' || config.algorithm === 'maglev'
  return {
    pool,
    upstreams,
    underway: config.onDown === 'close' ? underway : undefined,
    budget: new RetryBudget(config.retry.budget, context.deadlines),
    hashKey: keyed ? config.hash.key : undefined,
    sticky: config.sticky === undefined ? undefined : new Sticky(pool, config.sticky, context.clock),
    badStatuses: new Set(config.breaker.statuses),
    connectSeconds: context.metrics.histogram('lb_connect_duration_seconds', { pool: name }),
    queueSeconds: context.metrics.histogram('lb_queue_wait_seconds', { pool: name }),
    retries: context.metrics.counter('lb_retries_total', { pool: name })
  }
}

class Compiler {
  readonly #input: L7SnapshotInput
  readonly #context: EngineContext
  /** One of each for all routes. */
  readonly early: readonly Stage[]

  constructor(input: L7SnapshotInput, context: EngineContext) {
    this.#input = input
    this.#context = context
    this.early = this.#compile(undefined, true)
  }

  route(route: RouteConfig): CompiledRoute {
    const listener = this.#input.config
    const late = this.late(route)
    const requestEdits = compileEdits(route.headers.request)
    const owned = ownedFields(late)
    return {
      config: route,
      name: route.name,
      stages: stageHooks(this.early, late),
      requestEdits,
      owned,
      decided:
        owned === undefined ? requestEdits?.names : new Set([...owned, ...(requestEdits?.names ?? [])]),
      responseEdits: compileEdits(route.headers.response),
      limits: { ...listener.limits, ...route.limits },
      ...routeCounts(this.#context.metrics, listener.name, route.name)
    }
  }

  late(route: RouteConfig | undefined): Stage[] {
    return this.#compile(route, false)
  }

  #compile(route: RouteConfig | undefined, early: boolean): Stage[] {
    const listener = this.#input.config
    const chosen = (route ?? listener).stages
    const context = {
      listener,
      route,
      engine: this.#context,
      target: (pool: string) => this.#target(route, pool),
      cache: route === undefined ? undefined : this.#input.cache(route),
      thread: this.#input.thread ?? 0,
      remoteRates: () => this.#input.remoteRates?.(),
      remoteSessions: () => this.#input.remoteSessions?.()
    }
    const compiled: Stage[] = []
    for (const entry of this.#input.stages ?? stages) {
      if (entry.early !== early) continue
      // eslint-disable-next-line lb/no-text-index -- a key of the table of stages
      const keys = entry.key === undefined ? undefined : chosen[entry.key]
      if (entry.key !== undefined && keys === undefined) continue
      const labels = { listener: listener.name, route: route?.name ?? '' }
      const shadow = (keys as { readonly shadow?: boolean } | undefined)?.shadow === true
      const refuser = (quiet: boolean): Refuse => makeRefuse(entry.name, quiet, labels, this.#context)
      const memory = entry.memory && this.#memory(entry, keys, route)
      const stage = entry.compile(keys, { ...context, refuse: refuser(shadow), refuser, memory })
      if (stage !== undefined) compiled.push(stage)
    }
    return compiled
  }

  /** The shared one; of its own where nobody has made one, as in tests and tools. */
  #memory(entry: OrderEntry, values: unknown, route: RouteConfig | undefined): unknown {
    const { config, stageMemories } = this.#input
    const shared = stageMemories?.get(stageMemoryId(config, route, entry.key!))
    return shared ?? (entry.memory as StageMemory<unknown>).allocate(values, 1)
  }

  #target(route: RouteConfig | undefined, name: string): Target {
    const pool = this.#input.pool(name)
    const { retry, timeouts } = pool.pool.config
    const idleMs = route?.timeouts.idleMs ?? timeouts.idleMs
    return {
      pool,
      retry: { ...retry, ...route?.retry },
      connectMs: route?.timeouts.connectMs ?? timeouts.connectMs,
      responseMs: route?.timeouts.responseMs ?? timeouts.responseMs,
      idleMs,
      streamMs: Math.max(idleMs, this.#input.config.timeouts.tunnelMs),
      seconds: this.#context.metrics.histogram('lb_request_duration_seconds', {
        route: route?.name ?? '',
        pool: name
      })
    }
  }
}
