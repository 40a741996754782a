import type { BackendView, PoolView, ReloadReport } from './admin/control-plane.ts'
import type { Config as ValidConfig } from './config/model/model.ts'
import { loadObject } from './config/load-config.ts'
import { formatProblems } from './config/report/format-problems.ts'
import type { Config } from './config/schema/root.ts'
import type { LbEvents } from './runtime/control/events.ts'
import type { Running } from './runtime/control/running.ts'
import type { Runtime } from './runtime/runtime.ts'

/** The result of `start`: a running lb in the process that embeds it. */
export interface Lb extends Omit<Running, 'apply'> {
  /**
   * Puts another configuration in force. A report with `errors` gives the reasons for a failure; then nothing has
   * changed.
   */
  apply(config: Config | ValidConfig): Promise<ReloadReport>
  /** The current state of pools and backends. */
  pools(): readonly PoolView[]
  /** Sends no new requests to a backend; active ones may finish. Throws when there is no such backend. */
  drain(pool: string, backend: string): Promise<BackendView>
  /** Puts a backend back into service. */
  ready(pool: string, backend: string): Promise<BackendView>
  /** Takes a backend out of service. */
  maint(pool: string, backend: string): Promise<BackendView>
  weight(pool: string, backend: string, weight: number): Promise<BackendView>
  /** As `stop()`: `await using lb = await start(…)`. */
  [Symbol.asyncDispose](): Promise<void>
  /** Metrics in Prometheus' text format. */
  metrics(): string
  /**
   * Listens to events: `lb.on('backend', ({ pool, backend, to }) => …)`. Returns a function that removes the listener.
   */
  on<Name extends keyof LbEvents>(name: Name, listener: (event: LbEvents[Name]) => void): () => void
}

/** `ended` is called once it has stopped, or was killed. */
export function embedded(runtime: Runtime, ended: () => void = () => {}): Lb {
  const stop = async (options: Parameters<Lb['stop']>[0] = {}) => {
    await runtime.stop(options)
    ended()
  }
  const change = async (
    pool: string,
    backend: string,
    to: Parameters<Runtime['control']['changeBackend']>[2]
  ) => {
    const view = await runtime.control.changeBackend(pool, backend, to)
    if (view === undefined) throw new Error(`there is no backend ${pool}/${backend}`)
    return view
  }
  return {
    get addresses() {
      return runtime.addresses
    },
    get adminAddresses() {
      return runtime.adminAddresses
    },
    async apply(config) {
      if (isValidated(config)) return runtime.apply(config)
      const result = await loadObject(config)
      if (result.ok) return runtime.apply(result.config)
      const errors = result.problems.map((problem) => formatProblems([problem]))
      return { changed: false, lines: [], errors }
    },
    reload: (plan) => runtime.reload(plan),
    stop: async (options) => stop(options ?? {}),
    [Symbol.asyncDispose]: () => stop(),
    reopenLogs: () => runtime.reopenLogs(),
    async kill() {
      await runtime.kill()
      ended()
    },
    pools: () => runtime.control.pools() as readonly PoolView[],
    drain: (pool, backend) => change(pool, backend, { state: 'drain' }),
    ready: (pool, backend) => change(pool, backend, { state: 'ready' }),
    maint: (pool, backend) => change(pool, backend, { state: 'maint' }),
    // Left out (in JavaScript), it is an error and not a change of nothing.
    weight: (pool, backend, weight: number | undefined) => change(pool, backend, { weight: weight ?? NaN }),
    metrics: () => runtime.metrics(),
    on: (name, listener) => runtime.events.on(name, listener)
  }
}

/** Made by configure or readConfig: only those have `shutdown` in milliseconds. */
export function isValidated(config: Config | ValidConfig): config is ValidConfig {
  const { shutdown, tests } = Object(config) as Partial<ValidConfig>
  return typeof Object(shutdown).graceMs === 'number' && Array.isArray(tests)
}
