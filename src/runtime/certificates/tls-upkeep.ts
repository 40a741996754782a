import type { Config } from '../../config/model/model.ts'
import type { Clock } from '../../core/clock.ts'
import type { Sample } from '../../core/metrics/hub.ts'
import type { Challenges } from '../../net/tls/challenges.ts'
import { ROTATE_TICKET_KEYS_MS, type TicketKeys } from '../../net/tls/ticket-keys.ts'
import { askResponder } from '../../ocsp/ask-responder.ts'
import { Staples } from '../../ocsp/staples.ts'
import { AcmeUpkeep, type AcmeUpkeepDeps } from './acme-upkeep.ts'
import { EarlyCertificates } from './early-certificates.ts'
import { ReapplySoon } from './reapply-soon.ts'
import { CertificateWatch, type HeldCertificate } from './certificate-watch.ts'

export interface TlsUpkeepDeps extends AcmeUpkeepDeps {
  readonly memory: { readonly ticketKeys: TicketKeys; readonly challenges: Challenges }
  /** Puts the configuration in force once more, with the current certificates. */
  readonly reapply: () => Promise<unknown>
}

/** What TLS needs in the main thread: new keys for session tickets, a watch on the certificates, ACME and OCSP. */
export class TlsUpkeep {
  readonly certificates: CertificateWatch
  readonly acme: AcmeUpkeep
  readonly staples: Staples
  readonly early: EarlyCertificates
  readonly #clock: Clock
  readonly #ticketKeys: TicketKeys
  readonly #again: ReapplySoon
  #cancel: () => void

  constructor(deps: TlsUpkeepDeps) {
    const { clock, random, log, memory, metrics } = deps
    const again = new ReapplySoon(clock, deps.reapply)
    this.#again = again
    this.certificates = new CertificateWatch(clock, log)
    this.acme = new AcmeUpkeep(deps, again)
    this.early = new EarlyCertificates(clock, log, again)
    this.staples = new Staples({
      ...{ clock, random, log, ask: askResponder },
      onChange: () => again.soon(),
      onAsked: (result) => metrics.counter('lb_ocsp_requests_total', { result }).add()
    })
    this.#clock = clock
    this.#ticketKeys = memory.ticketKeys
    this.#cancel = this.#later()
  }

  /** Used by the reader of certificates. */
  get reader() {
    return { obtained: this.acme, staples: this.staples, early: this.early }
  }

  /** The configuration is in force now. */
  applied(config: Config, certificates: readonly HeldCertificate[]): void {
    this.certificates.hold(certificates)
    this.staples.retain(certificates)
    this.acme.applied(config)
  }

  /** For the metrics. */
  readonly collect = (sample: Sample): void => {
    this.certificates.collect(sample)
    this.acme.collect(sample)
    this.staples.collect(sample)
  }

  close(): void {
    this.#again.close()
    this.acme.close()
    this.staples.close()
    this.early.close()
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
