import type { Config } from '../../config/model/model.ts'
import type { Clock } from '../../core/clock.ts'
import type { Sample } from '../../core/metrics/hub.ts'
import type { Challenges } from '../../net/tls/challenges.ts'
import { ROTATE_TICKET_KEYS_MS, type TicketKeys } from '../../net/tls/ticket-keys.ts'
import { AcmeUpkeep, type AcmeUpkeepParts } from './acme-upkeep.ts'
import { CertificateWatch, type HeldCertificate } from './certificate-watch.ts'

export interface TlsUpkeepParts extends AcmeUpkeepParts {
  readonly memory: { readonly ticketKeys: TicketKeys; readonly challenges: Challenges }
}

/** What TLS needs of the main thread while it runs: new keys for session tickets, an eye on the certificates, and those that are obtained. */
export class TlsUpkeep {
  readonly certificates: CertificateWatch
  readonly acme: AcmeUpkeep
  readonly #clock: Clock
  readonly #ticketKeys: TicketKeys
  #cancel: () => void

  constructor(parts: TlsUpkeepParts) {
    const { clock, log, memory } = parts
    this.certificates = new CertificateWatch(clock, log)
    this.acme = new AcmeUpkeep(parts)
    this.#clock = clock
    this.#ticketKeys = memory.ticketKeys
    this.#cancel = this.#later()
  }

  /** This is in force now. */
  applied(config: Config, certificates: readonly HeldCertificate[]): void {
    this.certificates.hold(certificates)
    this.acme.applied(config)
  }

  /** For the metrics. */
  readonly collect = (sample: Sample): void => {
    this.certificates.collect(sample)
    this.acme.collect(sample)
  }

  close(): void {
    this.acme.close()
    this.#cancel()
    this.certificates.close()
  }

  #later(): () => void {
    return this.#clock.after(ROTATE_TICKET_KEYS_MS, () => {
      this.#cancel = this.#later()
      this.#ticketKeys.rotate()
    })
  }
}
