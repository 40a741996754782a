import { guarded } from '../../core/containment.ts'
import type { Confirmations, Expected } from './confirm/confirmations.ts'
import type { RemoteCache } from './remote-cache.ts'

/**
 * One removal on its way: it ends when Redis has executed it and the other instances have confirmed it, when Redis has
 * not, or after the time that a request may wait for either. Other instances may take longer than Redis: one that is
 * busy answers from its memory until it has heard.
 */
export class Flight {
  readonly #expected: Expected | undefined
  readonly #over: () => void
  readonly #listeners: (() => void)[] = []
  readonly #awaitOthers: () => () => void
  #cancel: () => void
  #confirmed: boolean
  #executed = false
  #ended = false

  constructor(
    { clock, timeoutMs, confirmTimeoutMs }: Pick<RemoteCache, 'clock' | 'timeoutMs' | 'confirmTimeoutMs'>,
    confirmations: Confirmations | undefined,
    over: () => void
  ) {
    this.#over = over
    this.#expected = confirmations?.expect(() => {
      this.#confirmed = true
      if (this.#executed) this.#end()
    })
    this.#confirmed = this.#expected === undefined
    this.#cancel = clock.after(timeoutMs, () => this.#end())
    this.#awaitOthers = () => clock.after(confirmTimeoutMs, () => this.#end())
  }

  /** Goes with the news; undefined: nobody is asked to confirm it. */
  get ask(): string | undefined {
    return this.#expected?.ask
  }

  onEnd(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /** Redis has executed it, or not. */
  heard(heard: boolean): void {
    this.#executed = heard
    if (!heard || this.#confirmed) return this.#end()
    if (this.#ended) return
    this.#cancel()
    this.#cancel = this.#awaitOthers()
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#cancel()
    this.#expected?.cancel()
    this.#over()
    for (const listener of this.#listeners) guarded(listener)
  }
}
