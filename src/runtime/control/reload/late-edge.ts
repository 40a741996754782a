import type { Clock } from '../../../core/clock.ts'
import type { Logger } from '../../../core/log/log.ts'

const RETRY_MS = 5_000

/**
 * The admin listener when its address belonged to a listener until the commit. The configuration is in force by then:
 * if another program has taken the address, the change cannot be refused any more, so the failure is reported and
 * retried.
 */
export class LateEdge {
  readonly #clock: Clock
  readonly #log: Logger
  #cancel: (() => void) | undefined
  /** For the report of the change; undefined: it listens. */
  #trouble: string | undefined

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock
    this.#log = log
  }

  get lines(): readonly string[] {
    return this.#trouble === undefined ? [] : [this.#trouble]
  }

  /** Calls `listen`; if that fails, calls `again` from time to time until it succeeds or `cancel` is called. */
  async open(listen: () => Promise<void>, again: () => Promise<void>): Promise<void> {
    this.cancel()
    await listen().catch((error: unknown) => this.#failed(again, error as Error))
  }

  /** Another configuration is in force, or lb stops. */
  cancel(): void {
    this.#cancel?.()
    this.#cancel = this.#trouble = undefined
  }

  #failed(again: () => Promise<void>, { message }: Error): void {
    const trouble = `admin does not listen: ${message}; it is tried again every ${RETRY_MS / 1e3} s`
    if (this.#trouble !== trouble) this.#log.error({}, trouble)
    this.#trouble = trouble
    const cancel = this.#clock.after(RETRY_MS, () => {
      void again().then(
        () => {
          if (this.#cancel !== cancel) return
          this.#log.info({}, 'admin listens now')
          this.#cancel = this.#trouble = undefined
        },
        (error: Error) => {
          if (this.#cancel === cancel) this.#failed(again, error)
        }
      )
    })
    this.#cancel = cancel
  }
}
