import type { Clock } from '../../../core/clock.ts'
import type { Logger } from '../../../core/log/log.ts'

const RETRY_MS = 5_000

/**
 * The admin listener where its address was a listener's until the commit. The configuration is in force by then: an address that
 * another program was quicker to take cannot refuse it any more, so it is told, and tried again.
 */
export class LateEdge {
  readonly #clock: Clock
  readonly #log: Logger
  #cancel: (() => void) | undefined
  /** What the report of the change has to say; undefined: it listens. */
  #trouble: string | undefined

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock
    this.#log = log
  }

  get lines(): readonly string[] {
    return this.#trouble === undefined ? [] : [this.#trouble]
  }

  /** Does `listen`; where it fails, `again` from time to time, until that goes well or `cancel` is called. */
  async open(listen: () => Promise<void>, again: () => Promise<void>): Promise<void> {
    this.cancel()
    await listen().catch((error: unknown) => this.#failed(again, error as Error))
  }

  /** Another configuration is in force, or lb ends. */
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
