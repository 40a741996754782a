import type { Clock } from '../../core/clock.ts'

/** Several certificates that come at once cause one change in the workers. */
const GATHER_MS = 300
const AGAIN_MS = 10_000

/** Puts the configuration in force once more, soon after its certificates have changed. */
export class ReapplySoon {
  readonly #clock: Clock
  readonly #reapply: () => Promise<unknown>
  #cancel: (() => void) | undefined
  #due = Infinity
  #closed = false

  constructor(clock: Clock, reapply: () => Promise<unknown>) {
    this.#clock = clock
    this.#reapply = reapply
  }

  soon(ms = GATHER_MS): void {
    const due = this.#clock.now() + ms
    if (this.#closed || due >= this.#due) return
    this.#cancel?.()
    this.#due = due
    this.#cancel = this.#clock.after(ms, () => {
      this.#cancel = undefined
      this.#due = Infinity
      // Whoever refuses it logs the reason; the certificates must not wait for the next change of the file.
      this.#reapply().then(
        (report) => {
          if ((report as { errors?: readonly string[] }).errors?.length) this.soon(AGAIN_MS)
        },
        () => this.soon(AGAIN_MS)
      )
    })
  }

  close(): void {
    this.#closed = true
    this.#cancel?.()
  }
}
