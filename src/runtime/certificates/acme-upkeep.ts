import { join } from 'node:path'
import { ask } from '../../acme/names/ask.ts'
import { AcmeNames } from '../../acme/names/acme-names.ts'
import type { NameView } from '../../acme/names/name-view.ts'
import { OnDemand } from '../../acme/names/on-demand.ts'
import { FolderStorage } from '../../acme/storage/folder-storage.ts'
import type { Config, ListenerTls } from '../../config/model/model.ts'
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/log/log.ts'
import type { Sample } from '../../core/metrics/hub.ts'
import type { Metrics } from '../../core/metrics/metrics.ts'
import type { Random } from '../../core/random.ts'
import type { Challenges } from '../../net/tls/challenges.ts'
import type { CertificatePair } from '../../net/tls/listener-tls.ts'
import { readUpstreamTls } from '../../net/tls/upstream-tls.ts'
import { StapleFile } from '../../ocsp/staple-file.ts'
import type { StapleStore } from '../../ocsp/staple-store.ts'
import { RedisAcmeStorage } from '../../redis/acme/redis-acme-storage.ts'
import type { RedisPlan } from '../../redis/redis-plan.ts'
import type { ReapplySoon } from './reapply-soon.ts'

export interface AcmeUpkeepDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly metrics: Metrics
  readonly memory: { readonly challenges: Challenges }
}

/** Certificates by ACME, as the rest of the control plane uses them. */
export interface Obtained {
  /** Rejects when stored certificates cannot be read. */
  prepare(config: Config): Promise<void>
  /** Where the OCSP response to this request is stored: with the certificates. */
  stapleStore(request: Buffer): StapleStore | undefined
  /** The certificates of one listener, and the names whose first one has yet to be issued. */
  of(
    listener: string,
    tls: ListenerTls
  ): { readonly pairs: readonly NamedPair[]; readonly pending: readonly string[] }
}

export interface NamedPair {
  readonly name: string
  readonly pair: CertificatePair
}

const STATES = ['valid', 'renewing', 'ordering', 'waiting', 'failed'] as const

/** Obtains and renews certificates while lb runs, and puts them in force. */
export class AcmeUpkeep implements Obtained {
  readonly #deps: AcmeUpkeepDeps
  readonly #names: AcmeNames
  readonly #onDemand: OnDemand
  #config: Config | undefined
  /** Of the configuration that is being prepared; set when Redis stores the certificates. */
  #redis: RedisPlan | undefined
  #storage: RedisAcmeStorage | undefined
  /** Of the configuration that is being prepared; set when a folder stores them. */
  #folder: string | undefined
  #closed = false

  constructor(deps: AcmeUpkeepDeps, reapply: ReapplySoon) {
    this.#deps = deps
    const { clock, random, log, metrics, memory } = deps
    const { challenges } = memory
    this.#names = new AcmeNames({
      ...{ clock, random, log, challenges },
      onCertificate: () => reapply.soon(),
      onOrder: (result) => metrics.counter('lb_acme_orders_total', { result }).add(),
      may: (name) => this.#may(name),
      storage: (where) =>
        this.#redis === undefined
          ? new FolderStorage(where)
          : (this.#storage = new RedisAcmeStorage(this.#redis, clock, challenges))
    })
    this.#onDemand = new OnDemand({
      ...{ clock, log, ask },
      onAllowed: (listener, name) => void this.#begin(listener, name)
    })
  }

  async prepare(config: Config): Promise<void> {
    this.#redis = this.#folder = undefined
    if (config.acme === undefined) return
    const listeners = new Set(
      config.listeners.filter(({ tls }) => tls?.acme?.onDemand !== undefined).map(({ name }) => name)
    )
    this.#redis = config.acme.storage === 'redis' ? planOf(config) : undefined
    const where = this.#redis === undefined ? config.acme.storage : JSON.stringify(this.#redis)
    if (this.#redis === undefined) this.#folder = config.acme.storage
    await this.#names.prepare(config.acme, domainsOf(config), where)
    if (listeners.size === 0) return
    for (const { name, onDemand } of await this.#names.adoptOnDemand(listeners))
      this.#onDemand.adopt(onDemand!, name)
  }

  stapleStore(request: Buffer): StapleStore | undefined {
    if (this.#redis !== undefined) return this.#storage!.stapleStore(request)
    return this.#folder === undefined
      ? undefined
      : new StapleFile(join(this.#folder, 'ocsp'), request, this.#deps.log)
  }

  of(listener: string, { acme }: ListenerTls): ReturnType<Obtained['of']> {
    if (acme === undefined) return { pairs: [], pending: [] }
    const asked = acme.onDemand === undefined ? [] : [...this.#onDemand.allowed]
    const names = [...acme.domains, ...asked.filter(([, at]) => at === listener).map(([name]) => name)]
    const pairs: NamedPair[] = []
    const pending: string[] = []
    for (const name of new Set(names)) {
      const pair = this.#names.certificate(name)
      if (pair === undefined) pending.push(name)
      else pairs.push({ name, pair })
    }
    return { pairs, pending }
  }

  /** The configuration is in force now. */
  applied(config: Config): void {
    this.#config = config
    this.#onDemand.retain(new Set(config.listeners.map(({ name }) => name)))
    const wanted = config.acme === undefined ? [] : [...domainsOf(config), ...this.#onDemand.allowed.keys()]
    this.#names.start(new Set(wanted))
  }

  /** A client requested a name for which the listener has no certificate. */
  readonly wanted = (listener: string, name: string): void => {
    const rule = this.#ruleOf(listener)
    if (rule !== undefined && !this.#closed) void this.#onDemand.wanted(listener, name, rule)
  }

  views(): NameView[] {
    return this.#names.views()
  }

  /** For the metrics. */
  readonly collect = (sample: Sample): void => {
    const views = this.views()
    if (views.length === 0) return
    for (const state of STATES)
      sample('lb_acme_names', { state }, views.filter((view) => view.state === state).length)
  }

  close(): void {
    this.#closed = true
    this.#names.close()
  }

  #ruleOf(listener: string) {
    return this.#config?.listeners.find(({ name }) => name === listener)?.tls?.acme?.onDemand
  }

  async #begin(listener: string, name: string): Promise<void> {
    const { log } = this.#deps
    try {
      await this.#names.begin(name, listener)
      log.info({ name, listener }, `certificate of ${name}: requested by a client, and allowed`)
    } catch (error) {
      log.error({ name, err: error }, `certificate of ${name}: ${(error as Error).message}`)
    }
  }

  async #may(name: string): Promise<boolean> {
    const listener = this.#onDemand.allowed.get(name)
    const rule = listener === undefined ? undefined : this.#ruleOf(listener)
    if (rule === undefined || domainsOf(this.#config!).includes(name)) return true
    // It has been allowed a moment ago.
    if (this.#names.certificate(name) === undefined) return true
    return this.#onDemand.stillAllowed(name, rule)
  }
}

function planOf({ redis }: Config): RedisPlan {
  return { config: redis!, tls: redis!.tls && readUpstreamTls(redis!.tls) }
}

function domainsOf({ listeners }: Config): string[] {
  return listeners.flatMap(({ tls }) => tls?.acme?.domains ?? [])
}
