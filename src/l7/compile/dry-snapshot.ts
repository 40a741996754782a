import { own } from '../../core/own.ts'
import type { L7ListenerConfig, PoolConfig } from '../../config/model/model.ts'
import type { Clock } from '../../core/clock.ts'
import { Deadlines } from '../../core/deadlines.ts'
import type { LogLevel, Logger } from '../../core/log/log.ts'
import { LogThrottle } from '../../core/log/log-throttle.ts'
import { Metrics } from '../../core/metrics/metrics.ts'
import type { Pool } from '../../balancer/pool/pool.ts'
import type { HttpCache } from '../cache/http-cache.ts'
import type { EngineContext } from '../exchange/engine-context.ts'
import type { Upstreams } from '../forward/upstreams.ts'
import { ExchangeCounts } from '../exchange-counts.ts'
import { cdnLoopLine, viaLine } from '../headers/via.ts'
import type { LoadedStage } from '../stages/loaded.ts'
import { compilePool, compileSnapshot } from './compile.ts'
import type { CompiledPool, L7Snapshot } from './l7-snapshot.ts'
import { noPool } from './no-pool.ts'

/** A thread on which nothing happens: no timer fires, nothing is logged, and the counters are nobody's. */
export function dryContext(clock: Clock, pseudonym: string): EngineContext {
  const still: Clock = { now: () => clock.now(), wall: () => clock.wall(), after: () => () => {} }
  const metrics = new Metrics()
  const deadlines = new Deadlines(still)
  return {
    clock: still,
    random: () => 0,
    deadlines,
    log: silent,
    throttle: new LogThrottle(silent, still, deadlines),
    metrics,
    pseudonym,
    viaLine: viaLine('1.1', pseudonym),
    viaLine2: viaLine('2.0', pseudonym),
    loopLine: cdnLoopLine(pseudonym),
    bytesIn: metrics.counter('lb_bytes_total', { listener: '', direction: 'in' }),
    bytesOut: metrics.counter('lb_bytes_total', { listener: '', direction: 'out' }),
    draining: false,
    dry: true,
    counts: new ExchangeCounts(metrics, '')
  }
}

/**
 * The same stages as those of the running listener, compiled over pools that have no backends and caches that store nothing.
 * `stageMemories`: what the running stages have counted.
 */
export function drySnapshot(
  listener: L7ListenerConfig,
  pools: Readonly<Record<string, PoolConfig>>,
  context: EngineContext,
  stages?: readonly LoadedStage[],
  stageMemories?: ReadonlyMap<string, unknown>
): L7Snapshot {
  const compiled = new Map<string, CompiledPool>()
  const pool = (name: string): CompiledPool => {
    const known = compiled.get(name)
    if (known !== undefined) return known
    const config = own(pools, name)
    if (config === undefined) throw noPool(name, Object.keys(pools))
    const made = compilePool(dryPool(config), context, NO_UPSTREAMS)
    compiled.set(name, made)
    return made
  }
  return compileSnapshot(
    {
      config: listener,
      pool,
      gate: undefined,
      tls: undefined,
      ...(stages !== undefined && { stages }),
      ...(stageMemories !== undefined && { stageMemories }),
      cache: (route) => (route.cache === undefined ? undefined : NO_CACHE)
    },
    context
  )
}

/** What compiling reads of a pool: no pick is ever made from it. */
function dryPool(config: PoolConfig): Pool {
  const backends = config.backends.map(({ name }) => ({ name }))
  return { name: config.name, config, backends } as unknown as Pool
}

const NO_UPSTREAMS = {} as Upstreams
/** The cache stage asks it nothing in a dry run. */
const NO_CACHE = {} as HttpCache

const silent: Logger = {
  level: 'silent' satisfies LogLevel,
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  fatal() {}
}
