import { guarded } from '../../core/containment.ts'
import type { BodyTransform } from '../exchange/body-chain.ts'
import type { Exchange } from '../exchange/exchange.ts'
import type { PluginWatch } from './plugin-watch.ts'
import { isPromise, unawaited } from './promised.ts'

/** What a hook has returned, where it is one. */
export function checkTransform(made: unknown): BodyTransform | undefined {
  if (made === undefined) return undefined
  const { write, end } = (made ?? {}) as Partial<BodyTransform>
  if (typeof write !== 'function' || typeof end !== 'function')
    throw new TypeError(
      'it must return undefined or a transform: { write(buffer, start, end), end(trailers) }'
    )
  return made as BodyTransform
}

/** A plugin's transform of a body, timed and counted. */
export class WatchedTransform implements BodyTransform {
  readonly #own: BodyTransform
  readonly #watch: PluginWatch
  readonly #exchange: Exchange
  readonly #hook: string

  constructor(own: BodyTransform, watch: PluginWatch, exchange: Exchange, hook = 'body') {
    this.#own = own
    this.#watch = watch
    this.#exchange = exchange
    this.#hook = hook
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    // What it returns beside a boolean is no reason to stop the source for ever.
    return this.#call(() => this.#own.write(buffer, start, end)) !== false
  }

  end(trailers: string): void {
    this.#call(() => this.#own.end(trailers))
  }

  flush(): void {
    this.#call(() => this.#own.flush?.())
  }

  onDrain(): void {
    this.#call(() => this.#own.onDrain?.())
  }

  /** The exchange is ending, and must get to its end: a fault is told, and stops nothing. */
  abort(): void {
    guarded(() => this.#call(() => this.#own.abort?.()))
  }

  blamed(error: unknown): unknown {
    return this.#watch.failed(this.#exchange, this.#hook, error)
  }

  #call<T>(act: () => T): T {
    const began = performance.now()
    try {
      const said = act()
      if (isPromise(said)) throw unawaited(said)
      return said
    } catch (error) {
      throw this.#watch.failed(this.#exchange, this.#hook, error)
    } finally {
      this.#watch.took(this.#exchange, this.#hook, began)
    }
  }
}
