import { guarded } from '../../core/containment.ts'
import type { Confirmations, Expected } from './confirm/confirmations.ts'
import type { RemoteCache } from './remote-cache.ts'

/**
 * One removal on its way: it ends when Redis has executed it and the other instances have confirmed it, when Redis has
 * not, or after the time that a request may wait for Redis.
 */
export class Flight {
  readonly #expected: Expected | undefined
  readonly #cancel: () => void
  readonly #over: () => void
  readonly #listeners: (() => void)[] = []
  #left: number
  #ended = false

  constructor(
    { clock, timeoutMs }: Pick<RemoteCache, 'clock' | 'timeoutMs'>,
    confirmations: Confirmations | undefined,
    over: () => void
  ) {
    this.#over = over
    this.#expected = confirmations?.expect(() => this.#one())
    this.#left = this.#expected === undefined ? 1 : 2
    this.#cancel = clock.after(timeoutMs, () => this.#end())
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
    if (heard) this.#one()
    else this.#end()
  }

  #one(): void {
    if (--this.#left === 0) this.#end()
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
