import type { AcmeConfig } from '../../config/model/acme-model.ts'
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/log/log.ts'
import type { Random } from '../../core/random.ts'
import type { Challenges } from '../../net/tls/challenges.ts'
import type { CertificatePair } from '../../net/tls/listener-tls.ts'
import { solverFor } from '../order/solver.ts'
import { PACE, type Pace } from '../renewal/back-off.ts'
import type { AcmeStorage } from '../storage/acme-storage.ts'
import type { NameRecord } from '../storage/records.ts'
import { FolderStorage } from '../storage/folder-storage.ts'
import { Authorities } from './authorities.ts'
import { LeftAnswers } from './left-answers.ts'
import type { NameView } from './name-view.ts'
import { NameTask, type TaskDeps } from './name-task.ts'
import { Places } from './places.ts'

export interface AcmeNamesDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly challenges: Challenges
  /** A name has a new certificate. */
  readonly onCertificate: (name: string) => void
  readonly onOrder: (result: 'ok' | 'fail') => void
  /** Whether a name that clients requested may still be ordered. */
  readonly may: (name: string) => Promise<boolean>
  readonly pace?: Pace
  readonly storage?: (where: string) => AcmeStorage
}

/** Concurrent orders: an authority limits them, and each has a challenge in shared memory. */
const PARALLEL = 10

/** All names with ACME certificates, over all listeners and reloads. */
export class AcmeNames {
  readonly #deps: AcmeNamesDeps
  readonly #places = new Places(PARALLEL)
  readonly #authorities: Authorities
  readonly #left: LeftAnswers
  readonly #tasks = new Map<string, NameTask>()
  #config: AcmeConfig | undefined
  #storage: AcmeStorage | undefined
  #where: string | undefined

  constructor(deps: AcmeNamesDeps) {
    this.#deps = deps
    this.#authorities = new Authorities(deps.clock)
    this.#left = new LeftAnswers(deps.clock, deps.challenges)
  }

  /**
   * Reads what is stored about these names, so that their certificates are there before lb listens. Nothing is ordered
   * before `start`. Rejects when the storage or a CA file cannot be read; a shared storage may be away for a while.
   * `where` identifies the storage.
   */
  async prepare(config: AcmeConfig, names: Iterable<string>, where = config.storage): Promise<void> {
    if (this.#storage === undefined || this.#where !== where) {
      for (const task of this.#tasks.values()) task.close()
      this.#tasks.clear()
      this.#storage?.close?.()
      this.#storage = (this.#deps.storage ?? ((folder) => new FolderStorage(folder)))(where)
      this.#where = where
    }
    const storage = this.#storage
    this.#authorities.accounts(config, storage)
    this.#config = config
    for (const name of names) {
      if (this.#tasks.has(name)) continue
      const record = (await this.#stored(name)) ?? { name }
      this.#add(record, storage)
    }
  }

  /** From now on exactly these names are maintained. */
  start(names: ReadonlySet<string>): void {
    for (const [name, task] of this.#tasks) {
      if (names.has(name)) task.start()
      else {
        task.close()
        // What is under way finishes; if the name comes back meanwhile there is no second order.
        if (!task.busy) this.#tasks.delete(name)
      }
    }
  }

  /** A name that clients requested from this listener. */
  async begin(name: string, onDemand: string): Promise<void> {
    const storage = this.#storage!
    const record = { ...((await this.#stored(name)) ?? { name }), onDemand }
    this.#add(record, storage)
    this.#tasks.get(name)!.start()
  }

  /** Names that clients requested from these listeners in an earlier process. */
  async adoptOnDemand(listeners: ReadonlySet<string>): Promise<readonly NameRecord[]> {
    const storage = this.#storage!
    const found: NameRecord[] = []
    const known = storage.onDemand()
    for (const record of await (storage.shared === undefined ? known : known.catch(() => []))) {
      if (!listeners.has(record.onDemand!)) continue
      found.push(record)
      this.#add(record, storage)
    }
    return found
  }

  certificate(name: string): CertificatePair | undefined {
    return this.#tasks.get(name)?.pair
  }

  views(): NameView[] {
    return [...this.#tasks.values()].map((task) => task.view())
  }

  close(): void {
    for (const task of this.#tasks.values()) task.close()
    this.#authorities.close()
    this.#left.close()
    this.#storage?.close?.()
  }

  #add(record: NameRecord, storage: AcmeStorage): void {
    if (this.#tasks.has(record.name)) return
    this.#tasks.set(record.name, new NameTask(record, this.#taskDeps(storage)))
    if (storage.shared === undefined) this.#left.put(record)
  }

  /** With a shared storage, the record is read once more under the lock before an order. */
  async #stored(name: string): Promise<NameRecord | undefined> {
    const storage = this.#storage!
    const stored = storage.name(name)
    if (storage.shared === undefined) return stored
    return stored.catch((error: unknown) => {
      this.#deps.log.warn({ name, err: error }, `certificate of ${name}: the storage cannot be asked`)
      return undefined
    })
  }

  #taskDeps(storage: AcmeStorage): TaskDeps {
    const { clock, random, log, challenges, may, onCertificate, onOrder, pace = PACE } = this.#deps
    const config = () => this.#config!
    return {
      ...{ clock, random, log, storage, pace, may, onCertificate, onOrder, config },
      places: this.#places,
      accounts: () => this.#authorities.accounts(config(), storage),
      solver: () =>
        this.#left.takenOverBy(
          solverFor(config().challenge, {
            challenges,
            shared: storage.shared,
            wall: () => clock.wall(),
            hook: config().hook
          })
        )
    }
  }
}
