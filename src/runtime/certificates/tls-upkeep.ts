import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/log/log.ts'
import { ROTATE_TICKET_KEYS_MS, type TicketKeys } from '../../net/tls/ticket-keys.ts'
import { CertificateWatch } from './certificate-watch.ts'

/** What TLS needs of the main thread while it runs: new keys for session tickets, and an eye on the certificates. */
export class TlsUpkeep {
  readonly certificates: CertificateWatch
  readonly #clock: Clock
  readonly #ticketKeys: TicketKeys
  #cancel: () => void

  constructor(clock: Clock, log: Logger, ticketKeys: TicketKeys) {
    this.certificates = new CertificateWatch(clock, log)
    this.#clock = clock
    this.#ticketKeys = ticketKeys
    this.#cancel = this.#later()
  }

  close(): void {
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
