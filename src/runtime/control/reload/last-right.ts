import type { Logger } from '../../../core/log/log.ts'

/**
 * What files held when they were last right. While the configuration stays, a file that is wrong or missing must not keep
 * others from being renewed, nor discovered backends from coming into force: what was read before stays in use.
 */
export class LastRight {
  readonly #log: Logger
  readonly #retry: () => void
  readonly #right = new Map<string, unknown>()
  /** Key → last message about it. */
  readonly #reported = new Map<string, string>()
  #used = new Set<string>()

  /** `retry`: reads everything again later, since a fault may pass without a change of the file. */
  constructor(log: Logger, retry: () => void) {
    this.#log = log
    this.#retry = retry
  }

  /**
   * What `read` returns. Throws its error if `strict`, or if it has never been right. `key` holds all that it depends on
   * besides the files; `fields` are for the log.
   */
  take<T>(key: string, strict: boolean, fields: object, read: () => T): T {
    this.#used.add(key)
    let right: T
    try {
      right = read()
    } catch (error) {
      if (strict || !this.#right.has(key)) throw error
      this.#tell(key, fields, (error as Error).message)
      this.#retry()
      return this.#right.get(key) as T
    }
    this.#right.set(key, right)
    if (this.#reported.delete(key)) this.#log.info(fields, 'files that were wrong are right, and in use')
    return right
  }

  /** All that is in use has been taken since the last call. */
  settle(): void {
    for (const key of this.#right.keys()) {
      if (this.#used.has(key)) continue
      this.#right.delete(key)
      this.#reported.delete(key)
    }
    this.#used = new Set()
  }

  #tell(key: string, fields: object, message: string): void {
    if (this.#reported.get(key) === message) return
    this.#reported.set(key, message)
    this.#log.error(fields, `${message}; what was read before stays in use`)
  }
}
