import type { Backend } from '../../balancer/pool/backend.ts'
import type { Pool } from '../../balancer/pool/pool.ts'
import { onShed } from '../../balancer/queue/socket-queue.ts'
import type { Clock } from '../../core/clock.ts'
import { Deadlines } from '../../core/deadlines.ts'
import type { Logger } from '../../core/log/log.ts'
import type { Metrics } from '../../core/metrics/metrics.ts'
import type { Random } from '../../core/random.ts'
import { UpstreamRegistry } from '../../l7/http1/client/upstream-registry.ts'
import { ThreadRedis } from '../../redis/thread-redis.ts'
import { tlsThread } from '../../net/tls/tls-thread.ts'
import type { ListenerEngines } from './listener-engine.ts'
import { goneSeries } from '../memory/gone-series.ts'
import { L4Listeners } from './l4-listeners.ts'
import { L7Listeners } from './l7-listeners.ts'
import type { SharedMemory } from '../memory/shared-memory.ts'

export interface EnginesDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly metrics: Metrics
  readonly memory: SharedMemory
  /** The name of this process in Via, the same for all workers, so that a loop through two of them is detected. */
  readonly pseudonym: string
  /** A client requested a name that may get a certificate on demand. */
  readonly wanted: (listener: string, name: string) => void
}

/**
 * Creates the engines of one thread, and what they share there: deadlines, upstream connections, metrics, shared
 * memory.
 */
export function makeEngines(deps: EnginesDeps): ListenerEngines {
  const { memory } = deps
  const deadlines = new Deadlines(deps.clock)
  const upstreams = new UpstreamRegistry({ deadlines, clock: deps.clock, random: deps.random }, deps.metrics)
  const tls = tlsThread(deadlines, deps.metrics, memory.ticketKeys, memory.challenges, deps.wanted)
  const l4 = new L4Listeners({ ...deps, deadlines, admission: memory.admission, tls })
  const redis = new ThreadRedis({ ...deps, board: memory.redis, thread: memory.table.thread })
  const l7 = new L7Listeners({
    ...deps,
    deadlines,
    upstreams,
    redis,
    tls,
    admission: memory.admission,
    challenges: memory.challenges,
    thread: memory.table.thread,
    workerIndex: Math.max(0, memory.table.thread - 1)
  })
  let current: ReadonlyMap<string, Pool> = new Map()
  let bySlot: Map<number, Backend> | undefined
  // A request, here or in another thread, waits for a connection to a backend at its limit: close an idle one.
  onShed(memory.table, (slot) => {
    // Built on first use: with 10,000 backends it takes a ms, and most configurations never need it.
    bySlot ??= new Map(
      [...current.values()].flatMap(({ backends }) => backends.map((each) => [each.slot, each]))
    )
    const backend = bySlot.get(slot)
    if (backend !== undefined) upstreams.shed(backend)
  })

  return {
    async prepare(plan, snapshot, pools, running) {
      return plan.config.mode === 'l4'
        ? l4.prepare(plan.config, plan.tls, snapshot, pools, running)
        : l7.prepare(plan.config, plan.tls, snapshot, pools, running)
    },
    use(pools) {
      upstreams.use(pools)
    },
    retain(snapshot, pools) {
      const listeners = snapshot.listeners.map(({ config }) => config)
      deps.metrics.forget(
        goneSeries(
          listeners,
          [...pools.values()].map(({ config }) => config),
          snapshot.plugins.map(({ config }) => config)
        )
      )
      upstreams.retain(pools)
      redis.retain(snapshot.redis)
      current = pools
      bySlot = undefined
    },
    backendDown(key) {
      l7.backendDown(key)
    },
    close() {
      redis.retain(undefined)
      upstreams.closeIdle()
    }
  }
}
