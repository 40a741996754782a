import { AdminServer } from '../admin/admin-server.ts'
import type { ControlPlane, ReloadReport } from '../admin/control-plane.ts'
import type { Pool } from '../balancer/pool/pool.ts'
import { SlotRegistry } from '../balancer/table/slot-registry.ts'
import type { ChangeEvent } from '../balancer/pool/states.ts'
import { formatProblems } from '../config/report/format-problems.ts'
import type { Config } from '../config/model/model.ts'
import { loadConfig } from '../config/load-config.ts'
import { systemClock as clock } from '../core/clock.ts'
import type { Logger } from '../core/log/log.ts'
import { Metrics } from '../core/metrics/metrics.ts'
import { MetricsHub } from '../core/metrics/hub.ts'
import { watchEventLoop } from '../core/metrics/event-loop-delay.ts'
import { collectProcess } from '../core/metrics/process-collector.ts'
import { systemRandom as random } from '../core/random.ts'
import { viaPseudonym } from '../l7/headers/via.ts'
import { AdminPlane } from './control/admin-plane.ts'
import { Traffic } from './control/traffic.ts'
import { announce, announceRefusal, announceReload, announceRunning } from './process/announce.ts'
import { adminEdge } from './control/admin-edge.ts'
import { collectBackends, collectOwn } from './memory/backend-metrics.ts'
import { BackendWatch } from './control/watch/backend-watch.ts'
import { ConfiguredMemory } from './memory/configured-memory.ts'
import { TlsUpkeep } from './certificates/tls-upkeep.ts'
import { Events } from './control/events.ts'
import { Controller } from './control/controller.ts'
import { Discoverer } from './discovery/discoverer.ts'
import { DataPlane } from './plane/data-plane.ts'
import { goneSeries } from './memory/gone-series.ts'
import { InlinePlane } from './workers/inline-plane.ts'
import { listenerAddresses, type ListenerAddress } from './plane/listener-addresses.ts'
import { makeEngines } from './plane/make-engines.ts'
import type { PoolDeps } from './plane/make-pool.ts'
import { packageVersion } from '../core/package-version.ts'
import type { Planes } from './workers/planes.ts'
import { reportOnItself } from './process/report-on-itself.ts'
import { checkUser } from './process/privileges.ts'
import { StopDelay, stoppedWords, stopTimes } from './process/stop-delay.ts'
import { takeOn } from './process/take-on.ts'
import { TOO_LATE, type Running } from './control/running.ts'
import type { StartOptions } from './control/start-options.ts'
import { SharedMemory } from './memory/shared-memory.ts'
import { plainStartError } from './control/start-error.ts'
import { heapLimitMb } from './memory/memory-limit.ts'
import { flushLogs } from '../core/log/line-sink.ts'
import { HeapTidier } from './memory/tidy-heap.ts'
import { followFiles } from './control/watch/follow-files.ts'
import { collectUdpDrops } from './memory/udp-drops.ts'
import { workerCount } from './workers/worker-count.ts'
import { Workers } from './workers/workers.ts'
import { workerRows } from '../shared/spare-rows.ts'

/** The main thread serves no requests, so the garbage of a reload is collected soon. */
const TIDY_AFTER_MS = 2_000

/** The composition root: creates the parts and connects them. */
export class Runtime implements Running {
  readonly #options: StartOptions
  readonly #log: Logger
  readonly #initial: Config
  readonly #workers: number
  readonly #pseudonym = viaPseudonym()
  readonly #memory: SharedMemory
  readonly #hub = new MetricsHub()
  readonly #metrics: Metrics
  readonly #traffic = new Traffic({ clock, hub: this.#hub, pools: () => this.#controller.pools.values() })
  readonly #watch: BackendWatch
  readonly #planes: Planes
  readonly #configured: ConfiguredMemory
  readonly #controller: Controller
  readonly #discoverer: Discoverer
  readonly #admin: AdminServer
  readonly #tls: TlsUpkeep
  readonly #heap = new HeapTidier(clock, TIDY_AFTER_MS)
  #unwatch: () => void = () => {}
  #unwatchLoop: () => void = () => {}
  readonly #unreport: () => void
  readonly control: ControlPlane
  readonly events = new Events()
  #stopping: Promise<void> | undefined
  readonly #delay = new StopDelay()

  constructor(config: Config, options: StartOptions, log: Logger) {
    this.#initial = config
    this.#options = options
    this.#log = log
    this.#workers = workerCount(config, log)
    this.#memory = SharedMemory.create(workerRows(this.#workers))
    const source = this.#hub.attach()
    this.#metrics = new Metrics((announcement) => source.announce(announcement))
    const [memory, metrics] = [this.#memory, this.#metrics]
    const shared = { clock, random, log, metrics }
    const reapply = async (): Promise<ReloadReport> => this.apply(await this.#discoverer.first(), false)
    this.#tls = new TlsUpkeep({ ...shared, memory, reapply })
    this.#unreport = reportOnItself({ log, metrics, clock }, (report) => this.events.hearing(report))
    // From 0 on, so that an alert sees the first one that fails as an increase.
    for (const result of ['ok', 'fail']) metrics.counter('lb_config_reloads_total', { result })
    const { table, redis: board } = memory
    this.#watch = new BackendWatch({
      ...shared,
      onChanged: (event) => this.events.tell('backend', event),
      onFate: (fate, key) => this.#planes.backend(fate, key)
    })
    const deps = { table, clock, random, onChange: (event: ChangeEvent) => this.#watch.changed(event) }
    this.#planes = this.#workers === 0 ? this.#inlinePlane(deps) : this.#workerPlanes()
    const slots = new SlotRegistry(table, clock)
    const tiers = { clock, log, metrics, board, pseudonym: this.#pseudonym }
    this.#configured = new ConfiguredMemory(workerRows(this.#workers), tiers)
    this.#controller = new Controller({
      ...deps,
      slots,
      planes: this.#planes,
      memory: this.#configured,
      ...{ ...this.#tls.reader, log },
      logLevel: options.logLevel,
      ...adminEdge(() => this.#admin),
      onApplied: (next, pools) => this.#applied(next, pools)
    })
    const apply = (next: Config, strict: boolean) => this.#controller.apply(next, strict)
    this.#discoverer = new Discoverer({ clock, random, log, apply })
    this.#admin = new AdminServer((this.control = this.#adminPlane()), log)
    const backends = collectBackends(() => this.#controller.pools.values())
    this.#hub.collect(collectProcess, this.#configured.caches.collect, this.#discoverer.collect)
    const own = collectOwn(() => this.#planes.workers)
    this.#hub.collect(backends, own, this.#tls.collect, collectUdpDrops(this.#controller))
  }

  async start(): Promise<void> {
    const config = this.#initial
    const account = config.user === undefined ? undefined : checkUser(config.user)
    await this.#discoverer.apply(config)
    if (account !== undefined) takeOn(account, config, this.#log)
    announce(this.#log, this.addresses, this.adminAddresses)
    const refused = (error: unknown) => this.#refused([plainStartError(error).message])
    this.#unwatch = followFiles(this.#options, clock, () => this.#discoverer.given, this, refused)
    announceRunning(this.#log, this.#workers)
  }

  get addresses(): readonly ListenerAddress[] {
    const { config, ports } = this.#controller
    return config.listeners.flatMap((listener) => listenerAddresses(listener, ports))
  }

  get adminAddresses(): readonly string[] {
    return this.#admin.addresses
  }

  get planes(): Planes {
    return this.#planes
  }

  /** The main thread's own view of the pools. */
  get pools(): ReadonlyMap<string, Pool> {
    return this.#controller.pools
  }

  /** Metrics in Prometheus' text format. */
  metrics(): string {
    return this.#hub.render()
  }

  async apply(config: Config, strict = true): Promise<ReloadReport> {
    if (this.#stopping) return TOO_LATE
    const began = clock.now()
    this.#heap.soon()
    try {
      const report = await this.#discoverer.apply(config, strict)
      announceReload(this.#log, report, clock.now() - began, strict)
      this.#metrics.counter('lb_config_reloads_total', { result: 'ok' }).add()
      return this.events.reloaded(report)
    } catch (error) {
      return this.#stopping ? TOO_LATE : this.#refused([plainStartError(error).message])
    }
  }

  async reload(plan = false, strict = true): Promise<ReloadReport> {
    const { configPath } = this.#options
    if (configPath === undefined) return this.#refused(['lb was started without a configuration file'])
    const loaded = await loadConfig(configPath, process.env)
    this.#heap.soon()
    const refused = (errors: readonly string[]) => this.#refused(errors, plan)
    if (!loaded.ok) return refused(loaded.problems.map((problem) => formatProblems([problem])))
    if (!plan) return this.apply(loaded.config, strict)
    const planned = this.#controller.plan(this.#discoverer.merge(loaded.config))
    return planned.catch((error: unknown) => refused([plainStartError(error).message]))
  }

  stop(options: { readonly graceMs?: number } = {}): Promise<void> {
    return (this.#stopping ??= this.#stop(stopTimes(options, this.#controller.config.shutdown)))
  }

  reopenLogs(): void {
    this.#planes.reopenLogs()
  }

  async kill(): Promise<void> {
    this.#stopping ??= Promise.resolve()
    this.#delay.cut()
    this.#quiet()
    await this.#planes.kill()
    await this.#admin.close()
    await flushLogs()
  }

  async #stop(times: Config['shutdown']): Promise<void> {
    if (!(await this.#delay.pass(times, clock, this.#log))) return
    this.#discoverer.close()
    const cut = await this.#planes.drain(times.graceMs)
    this.#quiet()
    await this.#admin.close()
    this.#log.info({ cut }, stoppedWords(cut, times))
    await flushLogs()
  }

  #quiet(): void {
    this.#unwatch()
    const parts = [this.#heap, this.#tls, this.#discoverer, this.#controller, this.#watch, this.#traffic]
    for (const part of parts) part.close()
    this.#unwatchLoop()
    this.#unreport()
  }

  #refused(errors: readonly string[], plan = false): ReloadReport {
    if (!plan) {
      announceRefusal(this.#log, errors)
      this.#metrics.counter('lb_config_reloads_total', { result: 'fail' }).add()
    }
    return this.events.reloaded({ changed: false, lines: [], errors }, plan)
  }

  #applied(config: Config, pools: ReadonlyMap<string, Pool>): void {
    if (this.#options.logLevel === undefined) this.#log.level = config.log.level
    this.#watch.watch(pools)
    this.#tls.applied(config, this.#controller.certificates)
    const gone = goneSeries(config.listeners, Object.values(config.pools), config.plugins)
    for (const keeper of [this.#metrics, this.#hub]) keeper.forget(gone)
    this.#metrics.gauge('lb_config_last_reload_timestamp_seconds', {}).set(clock.wall() / 1e3)
  }

  #inlinePlane(deps: PoolDeps): Planes {
    this.#unwatchLoop = watchEventLoop(this.#metrics, '0', clock)
    const common = { log: this.#log, metrics: this.#metrics }
    const engines = makeEngines({
      ...common,
      clock,
      random,
      memory: this.#memory,
      pseudonym: this.#pseudonym,
      wanted: this.#tls.acme.wanted
    })
    return new InlinePlane(new DataPlane({ ...deps, ...common, engines, servesUnshared: true }))
  }

  #workerPlanes(): Planes {
    const restarts = this.#metrics.counter('lb_worker_restarts_total', {})
    return new Workers({
      count: this.#workers,
      // Half of the available memory for all of them: a leak ends one worker, which is replaced, and not the process.
      heapMb: heapLimitMb(this.#workers),
      log: this.#log,
      init: {
        memory: this.#memory.buffers,
        pseudonym: this.#pseudonym,
        logLevel: this.#options.logLevel ?? this.#initial.log.level,
        logFd: 1,
        forwardLog: this.#options.forwardLog === true,
        crashable: this.#options.crashable === true
      },
      metricsSource: () => this.#hub.attach(),
      onChange: (event) => this.#watch.changed(event),
      onWanted: this.#tls.acme.wanted,
      recover: (row) => this.#configured.recover(row),
      giveUp: (row) => [this.#memory, this.#configured].forEach((each) => each.giveUp(row)),
      giveBack: (row) => this.#memory.giveBack(row),
      onRestart: () => this.events.restarted(restarts)
    })
  }

  #adminPlane(): AdminPlane {
    return new AdminPlane({
      controller: this.#controller,
      planes: this.#planes,
      operator: this.#watch.operator,
      caches: this.#configured.caches,
      certificates: () => this.#tls.acme.views(),
      staples: () => this.#tls.staples.views(),
      redis: this.#memory.redis,
      discovery: (pool) => this.#discoverer.view(pool),
      facts: { reportOf: (one) => this.#watch.report(one), reasonOf: (one) => this.#watch.reason(one) },
      traffic: this.#traffic,
      version: packageVersion(),
      workers: this.#workers,
      isDraining: () => this.#stopping !== undefined,
      pseudonym: this.#pseudonym,
      renderMetrics: () => this.#hub.render(),
      reload: (plan) => this.reload(plan)
    })
  }
}
