import { withCure } from '../order/cure.ts'
import { messageOf } from '../../core/errors.ts'
import type { AcmeConfig } from '../../config/model/acme-model.ts'
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/log/log.ts'
import type { Random } from '../../core/random.ts'
import { checkCertificate, type CertificateFacts } from '../../net/tls/certificates/check-certificate.ts'
import type { CertificatePair } from '../../net/tls/listener-tls.ts'
import type { Account } from '../client/account.ts'
import { AcmeError } from '../client/acme-error.ts'
import { obtain } from '../order/obtain.ts'
import type { Solver } from '../order/solver.ts'
import { nextTry, type Pace } from '../renewal/back-off.ts'
import { certId } from '../renewal/cert-id.ts'
import { renewalInfo } from '../renewal/renewal-info.ts'
import { askedInVain, dueAt, isAskDue, suggestedRenewal, usualRenewal } from '../renewal/renewal-time.ts'
import { StorageError, type AcmeStorage, type Lock } from '../storage/acme-storage.ts'
import type { NameRecord, StoredCertificate } from '../storage/records.ts'
import { nameView, type NameView } from './name-view.ts'
import type { Places } from './places.ts'
import { mergedRecord, usableRecord, withOrder } from './usable-record.ts'

/** What the tasks of all names share; `config` and what depends on it may change between tries. */
export interface TaskDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly places: Places
  readonly pace: Pace
  readonly storage: AcmeStorage
  readonly config: () => AcmeConfig
  readonly accounts: () => readonly Account[]
  readonly solver: () => Solver
  /** Whether this name may still be ordered; called before each order. */
  readonly may: (name: string) => Promise<boolean>
  readonly onCertificate: (name: string) => void
  readonly onOrder: (result: 'ok' | 'fail') => void
}

/** Longer timers are split, so that a clock that was set, or a machine that slept, is noticed. */
const LONGEST_SLEEP_MS = 600_000
/** Interval of checks whether another process has finished its order. */
const ELSEWHERE_MS = 2_000
const NO_STORAGE_MS = 10_000

/** Maintains one name: obtains its certificate and renews it in time. One order at a time. */
export class NameTask {
  readonly #deps: TaskDeps
  #record!: NameRecord
  #facts: CertificateFacts | undefined
  #busy = false
  #closed = false
  #cancel: (() => void) | undefined
  /** Another process orders it, or that is unknown: wall clock of the next check. */
  #elsewhereUntil = 0
  #storageFails = false

  /** `record` as stored; without a certificate for a new name. */
  constructor(record: NameRecord, deps: TaskDeps) {
    this.#deps = deps
    this.#adopt(record)
  }

  get pair(): CertificatePair | undefined {
    const { certificate } = this.#record
    return certificate && { cert: certificate.cert, key: certificate.key }
  }

  view(): NameView {
    const now = this.#deps.clock.wall()
    return nameView(this.#record, this.#facts, this.#busy, this.#elsewhereUntil > now, now)
  }

  /** Begins, or continues after `close`. */
  start(): void {
    this.#closed = false
    this.#sleep()
  }

  get busy(): boolean {
    return this.#busy
  }

  /** Sleeps until something is due. */
  #sleep(): void {
    if (this.#closed || this.#busy || this.#cancel !== undefined) return
    const { clock } = this.#deps
    const ms = Math.min(Math.max(this.#nextAt() - clock.wall(), 0), LONGEST_SLEEP_MS)
    this.#cancel = clock.after(ms, () => {
      this.#cancel = undefined
      if (this.#nextAt() > clock.wall()) this.#sleep()
      else void this.#run()
    })
  }

  close(): void {
    this.#closed = true
    this.#cancel?.()
    this.#cancel = undefined
  }

  #nextAt(): number {
    const now = this.#deps.clock.wall()
    // The clock may have been set back meanwhile.
    const elsewhere = Math.min(this.#elsewhereUntil, now + 1.1 * NO_STORAGE_MS)
    return Math.max(dueAt(this.#record, this.#facts !== undefined, now), elsewhere)
  }

  async #run(): Promise<void> {
    const { log, places } = this.#deps
    this.#busy = true
    try {
      await places.run(() => (this.#closed ? Promise.resolve() : this.#alone()))
    } catch (error) {
      // The storage failed, or something unexpected: the next try is by the clock.
      log.error(
        { name: this.#record.name, err: error },
        `certificate of ${this.#record.name}: ${text(error)}`
      )
      await this.#fail(error)
    }
    this.#busy = false
    this.#sleep()
  }

  /** Does what is due, unless another process does it. */
  async #alone(): Promise<void> {
    const lock = await this.#lock()
    if (lock === undefined) return
    try {
      if (this.#facts !== undefined) await this.#askForTime(this.#facts)
      const now = this.#deps.clock.wall()
      const { askAt: _, ...renewal } = this.#record.renewal ?? { at: Infinity }
      const due = dueAt({ ...this.#record, renewal }, this.#facts !== undefined, now)
      if (due <= now && !this.#closed) await this.#order()
    } finally {
      await lock.release().catch(() => {})
    }
  }

  /** Under the lock the stored record counts: another process may have ordered meanwhile, or is ordering now. */
  async #lock(): Promise<Lock | undefined> {
    const { storage, clock, random, log } = this.#deps
    const { name } = this.#record
    let lock: Lock | undefined
    let wait = ELSEWHERE_MS
    try {
      lock = await storage.lock(name)
      const stored = await storage.name(name)
      if (stored !== undefined) this.#follow(stored)
      this.#storageFails = false
    } catch (error) {
      await lock?.release().catch(() => {})
      lock = undefined
      wait = NO_STORAGE_MS
      if (!this.#storageFails)
        log.warn({ name, err: error }, `certificate of ${name}: the storage cannot be asked: ${text(error)}`)
      this.#storageFails = true
    }
    this.#elsewhereUntil = lock === undefined ? clock.wall() + wait * (0.9 + 0.2 * random()) : 0
    return lock
  }

  #follow(stored: NameRecord): void {
    const before = this.#record.certificate?.cert
    this.#adopt(mergedRecord(stored, this.#record))
    if (this.#facts !== undefined && stored.certificate?.cert !== before)
      this.#deps.onCertificate(stored.name)
  }

  #adopt(record: NameRecord): void {
    const usable = usableRecord(record, this.#deps.clock.wall())
    this.#record = usable.record
    this.#facts = usable.facts
  }

  /** When to renew: at the time that the authority suggests (RFC 9773), or after two thirds of the lifetime. */
  async #askForTime(facts: CertificateFacts): Promise<void> {
    const { clock, random } = this.#deps
    const { certificate } = this.#record
    const renewal = this.#record.renewal ?? usualRenewal(facts, random(), 0)
    this.#record = { ...this.#record, renewal }
    if (!isAskDue(renewal, clock.wall())) return
    const account = this.#deps.accounts().find(({ authority }) => authority.url === certificate!.authority)
    let next = askedInVain(renewal, clock.wall())
    try {
      const id = await certId(certificate!.cert)
      const info = account && id && (await renewalInfo(account.client, id, clock))
      if (info) next = suggestedRenewal(renewal, info.window, info.askAt, random(), facts)
    } catch (error) {
      next = askedInVain(renewal, clock.wall(), error instanceof AcmeError ? error.retryAt : undefined)
      this.#deps.log.debug({ name: this.#record.name, err: error }, 'no word about renewal')
    }
    await this.#save({ ...this.#record, renewal: next })
  }

  async #order(): Promise<void> {
    const { log, onOrder, may, onCertificate } = this.#deps
    const { name } = this.#record
    let failed: unknown
    if (!(await may(name))) return this.#fail(new Error('it is no longer allowed'))
    for (const account of this.#inOrder()) {
      try {
        const certificate = await this.#orderAt(account)
        await this.#keep(certificate)
        onOrder('ok')
        onCertificate(name)
        log.info({ name, authority: account.authority.name }, `certificate of ${name}: ${this.#obtained()}`)
        return
      } catch (error) {
        // Another authority would be asked in vain too, and the order that is under way would be lost.
        if (error instanceof StorageError) throw error
        failed = error
        onOrder('fail')
        const { type } = error as Partial<AcmeError>
        // What an authority answers needs no stack.
        log.warn(
          { name, authority: account.authority.name, ...(type === undefined ? { err: error } : { type }) },
          `certificate of ${name}: ${account.authority.name}: ${withCure(text(error), type)}`
        )
      }
      if (this.#closed) return
    }
    await this.#fail(failed)
  }

  /** An authority with an order under way comes first: no other is used before that is over. */
  #inOrder(): Account[] {
    const { order } = this.#record
    const accounts = [...this.#deps.accounts()]
    const first = accounts.filter(({ authority }) => authority.url === order?.authority)
    return [...first, ...accounts.filter((each) => !first.includes(each))]
  }

  async #orderAt(account: Account): Promise<StoredCertificate> {
    const { clock, config } = this.#deps
    const { certificate, order } = this.#record
    const replaced = certificate?.authority === account.authority.url ? certificate : undefined
    const { renewalInfo: hasAri } = await account.client.directory()
    const replaces = replaced === undefined || hasAri === undefined ? undefined : await certId(replaced.cert)
    const { challenge, profile } = config()
    return obtain(
      {
        name: this.#record.name,
        account,
        clock,
        challenge,
        solver: this.#deps.solver(),
        profile,
        replaces,
        save: (order) => this.#save(withOrder(this.#record, order))
      },
      order
    )
  }

  /** The certificate and the end of its order, in one write. */
  async #keep(certificate: StoredCertificate): Promise<void> {
    const { clock, random } = this.#deps
    const { facts } = checkCertificate(certificate.cert, certificate.key, clock.wall())
    const { order: _, failure: __, ...rest } = this.#record
    await this.#save({ ...rest, certificate, renewal: usualRenewal(facts!, random(), clock.wall()) })
    this.#facts = facts
    // Listeners of this event see the name as idle.
    this.#busy = false
  }

  #obtained(): string {
    const { certificate } = this.#record
    const { host } = new URL(certificate!.authority)
    return `obtained from ${host}, authorised by ${certificate!.challenge}, valid until ${new Date(this.#facts!.notAfter).toISOString()}`
  }

  async #fail(error: unknown): Promise<void> {
    const { clock, random, pace, log } = this.#deps
    const count = (this.#record.failure?.count ?? 0) + 1
    const now = clock.wall()
    const retryAt = error instanceof AcmeError ? error.retryAt : undefined
    const nextAt = nextTry(count, now, random(), retryAt, pace)
    const failed = { ...this.#record, failure: { count, reason: text(error), at: now, nextAt } }
    // Also if it cannot be written, since retries depend on it.
    this.#record = failed
    await this.#save(failed).catch((error: unknown) =>
      log.error(
        { name: failed.name, err: error },
        `the state of ${failed.name} cannot be written: ${text(error)}`
      )
    )
  }

  async #save(record: NameRecord): Promise<void> {
    await this.#deps.storage.writeName(record)
    this.#record = record
  }
}

function text(error: unknown): string {
  return messageOf(error).slice(0, 500)
}
