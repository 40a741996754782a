import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/log/log.ts'
import type { Sample } from '../../core/metrics/hub.ts'
import { daysLeft, type CheckedCertificate } from '../../net/tls/certificates/check-certificate.ts'

/** A certificate in force. */
export interface HeldCertificate {
  readonly listener: string
  /** Path, or `self-signed`. */
  readonly file: string
  readonly keyFile: string
  /** PEM, with its chain. */
  readonly cert: string
  /** The listener's key `ocsp`. */
  readonly ocsp: boolean | undefined
  readonly checked: CheckedCertificate
}

const LOOK_EVERY_MS = 3_600_000
/** Days left at which the log warns, once each. */
const MARKS = [21, 7, 1, 0]
const SECOND_MS = 1_000

/** Reports in log and metrics how long the certificates in force are still valid. */
export class CertificateWatch {
  readonly #clock: Clock
  readonly #log: Logger
  #held: readonly HeldCertificate[] = []
  /** Listener and fingerprint → the last mark that was logged. */
  #warned = new Map<string, number>()
  #cancel: (() => void) | undefined

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock
    this.#log = log
  }

  /** These certificates are in force from now on. */
  hold(held: readonly HeldCertificate[]): void {
    const before = new Set(this.#held.map(keyOf))
    this.#held = held
    for (const each of held) if (!before.has(keyOf(each))) this.#tellNew(each)
    const kept = new Set(held.map(keyOf))
    this.#warned = new Map([...this.#warned].filter(([key]) => kept.has(key)))
    this.#look()
    this.#cancel ??= this.#clock.after(LOOK_EVERY_MS, () => this.#again())
  }

  /** For the metrics. */
  readonly collect = (sample: Sample): void => {
    const now = this.#clock.wall()
    for (const { listener, file, checked } of this.#held) {
      if (checked.facts === undefined) continue
      const seconds = Math.round((checked.facts.notAfter - now) / SECOND_MS)
      sample('lb_tls_certificate_expiry_seconds', { listener, file }, seconds)
    }
  }

  close(): void {
    this.#cancel?.()
  }

  #again(): void {
    this.#cancel = this.#clock.after(LOOK_EVERY_MS, () => this.#again())
    this.#look()
  }

  #tellNew({ listener, file, checked }: HeldCertificate): void {
    const { facts, problems } = checked
    if (facts === undefined) return
    const fields = { listener, file, names: facts.names.slice(0, 20), notAfter: new Date(facts.notAfter) }
    const { fingerprint } = facts
    if (file === 'self-signed') {
      this.#log.info({ ...fields, fingerprint }, `self-signed certificate, SHA-256 ${fingerprint}`)
    } else this.#log.debug({ ...fields, fingerprint }, `certificate ${file}`)
    for (const { kind, message } of problems) {
      // Expiry is reported at the marks.
      if (kind !== 'expired') this.#log.warn(fields, `certificate ${file}: ${message}`)
    }
  }

  #look(): void {
    const now = this.#clock.wall()
    for (const each of this.#held) {
      const { listener, file, checked } = each
      if (checked.facts === undefined) continue
      const days = daysLeft(checked.facts, now)
      const mark = MARKS.findLast((mark) => (mark === 0 ? checked.facts!.notAfter <= now : days < mark))
      const key = keyOf(each)
      if (mark === undefined || mark >= (this.#warned.get(key) ?? Infinity)) continue
      this.#warned.set(key, mark)
      const fields = { listener, file, names: checked.facts.names.slice(0, 20), days }
      const level = mark <= 1 ? 'error' : 'warn'
      const left = days === 1 ? 'in a day' : days === 0 ? 'in less than a day' : `in ${days} days`
      this.#log[level](fields, `certificate ${file} ${mark === 0 ? 'has expired' : `expires ${left}`}`)
    }
  }
}

function keyOf({ listener, file, checked }: HeldCertificate): string {
  return `${listener}\n${file}\n${checked.facts?.fingerprint}`
}
