import type { BackendConfig, Config } from '../../config/model/model.ts'
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/log/log.ts'
import type { Collector } from '../../core/metrics/hub.ts'
import type { Random } from '../../core/random.ts'
import type { ApplyReport } from '../control/controller.ts'
import { FollowedSource, type SourceView } from './followed-source.ts'

export interface DiscovererDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** Puts a configuration with discovered backends in force. Rejects on failure. */
  readonly apply: (config: Config, strict: boolean) => Promise<ApplyReport>
}

/** The first change of a burst waits this long for others. */
const SETTLE_MS = 100
/** How long a start or reload waits for the first answers of new sources. */
const SOURCES_MS = 3_000
/** Largest share of the time for applying changes, so that many of them leave the main thread responsive. */
const SHARE = 1 / 10
/** Time to the next try after a failure. */
const RETRY_MS = 5_000

/**
 * Follows the sources of all pools in the main thread. Discovered backends come after those of the file; a source that
 * fails, or that is empty because it is not available, keeps its last backends.
 */
export class Discoverer {
  readonly #deps: DiscovererDeps
  readonly #followed = new Map<string, FollowedSource>()
  #given: Config | undefined
  readonly #started = Promise.withResolvers<void>()
  #cancel: (() => void) | undefined
  #applying = false
  #notBefore = 0
  #changed = false
  #closed = false

  constructor(deps: DiscovererDeps) {
    this.#deps = deps
  }

  /** The configuration in force, without discovered backends. */
  get given(): Config {
    return this.#given!
  }

  /** Resolves with the configuration in force, as soon as there is one: a certificate may be issued before lb is up. */
  async first(): Promise<Config> {
    await this.#started.promise
    return this.given
  }

  /**
   * Puts a configuration in force with what its sources find; it waits for new sources first, so that no pool is empty
   * meanwhile. Rejects when it is refused; then the sources of the previous one are followed again.
   */
  async apply(config: Config, strict = true): Promise<ApplyReport> {
    this.#follow(config)
    await this.#ready(SOURCES_MS)
    try {
      const report = await this.#deps.apply(this.merge(config), strict)
      this.#given = config
      this.#started.resolve()
      return report
    } catch (error) {
      if (this.#given !== undefined) this.#follow(this.#given)
      throw error
    }
  }

  /** Unchanged sources keep what they found. */
  #follow(config: Config): void {
    const pools = Object.values(config.pools).filter(({ discover }) => discover !== undefined)
    const keep = new Map(pools.map((pool) => [pool.name, JSON.stringify(pool.discover)]))
    for (const [name, followed] of this.#followed) {
      if (keep.get(name) === followed.key) continue
      followed.close()
      if (!keep.has(name)) this.#followed.delete(name)
    }
    for (const pool of pools) {
      const before = this.#followed.get(pool.name)
      const key = keep.get(pool.name)!
      if (before?.key === key) continue
      const { clock, random, log } = this.#deps
      const parts = { clock, random, log, changed: () => this.#soon() }
      this.#followed.set(pool.name, new FollowedSource(pool, key, parts, before?.found ?? []))
    }
  }

  /** Resolves when every source has answered or failed once, after `ms` at the latest. */
  async #ready(ms: number): Promise<void> {
    if (this.#followed.size === 0) return
    const late = Promise.withResolvers<void>()
    const cancel = this.#deps.clock.after(ms, late.resolve)
    await Promise.race([Promise.all([...this.#followed.values()].map(({ tried }) => tried)), late.promise])
    cancel()
  }

  /** The configuration with discovered backends. */
  merge(config: Config): Config {
    if (this.#followed.size === 0) return config
    const pools = Object.entries(config.pools).map(([name, pool]) => {
      const found = this.#followed.get(name)?.found ?? []
      return [name, found.length === 0 ? pool : { ...pool, backends: joined(pool.backends, found) }]
    })
    return { ...config, pools: Object.fromEntries(pools) as Config['pools'] }
  }

  view(pool: string): SourceView | undefined {
    return this.#followed.get(pool)?.view()
  }

  collect: Collector = (sample) => {
    for (const [pool, followed] of this.#followed) {
      const { backends, error } = followed.view()
      sample('lb_discovery_backends', { pool }, backends)
      sample('lb_discovery_up', { pool }, error === undefined ? 1 : 0)
      sample('lb_discovery_failures_total', { pool }, followed.failures)
    }
  }

  close(): void {
    this.#closed = true
    this.#cancel?.()
    for (const followed of this.#followed.values()) followed.close()
    this.#followed.clear()
  }

  #soon(): void {
    this.#changed = true
    if (this.#cancel !== undefined || this.#applying || this.#closed) return
    const { clock } = this.#deps
    const wait = Math.max(SETTLE_MS, this.#notBefore - clock.now())
    this.#cancel = clock.after(wait, () => {
      this.#cancel = undefined
      void this.#applyFound()
    })
  }

  async #applyFound(): Promise<void> {
    const { clock, apply, log } = this.#deps
    if (this.#given === undefined) return
    this.#applying = true
    this.#changed = false
    const began = clock.now()
    let failed = false
    try {
      await apply(this.merge(this.#given), false)
    } catch (error) {
      // It is shutting down.
      if (this.#closed) return
      failed = true
      log.error(
        { err: error, inMs: RETRY_MS },
        'the backends that were found could not be put in force; retrying'
      )
    }
    const now = clock.now()
    this.#notBefore = now + (failed ? RETRY_MS : (now - began) / SHARE)
    if (failed) this.#changed = true
    this.#applying = false
    if (this.#changed) this.#soon()
  }
}

/** Backends of the file come first, and win if names are equal. */
function joined(given: readonly BackendConfig[], found: readonly BackendConfig[]): readonly BackendConfig[] {
  if (given.length === 0) return found
  const names = new Set(given.map(({ name }) => name))
  return [...given, ...found.filter(({ name }) => !names.has(name))]
}
