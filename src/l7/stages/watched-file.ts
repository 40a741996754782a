import { messageOf } from '../../core/errors.ts'
import { readFileSync, statSync } from 'node:fs'
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/log/log.ts'

const LOOK_EVERY_MS = 1000
/**
 * A file that was written less than this ago may be half written: of a key that is cut short, the rest would be no secret. It
 * is looked at again soon.
 */
const SETTLE_MS = 100
const MAX_BYTES = 16 * 1024 * 1024

/**
 * A value parsed from a file, and parsed again when the file has changed. Readers check the file at most once a second
 * (some microseconds), so a key removed from the file is refused a second later, and nothing has to be stopped when the
 * configuration changes. When the file cannot be read or parsed, the last valid value stays in force.
 */
export class WatchedFile<Value> {
  readonly path: string
  readonly #what: string
  readonly #make: (text: string) => Value
  readonly #clock: Clock
  readonly #log: Logger
  #value: Value
  #stamp = ''
  #complained = ''
  #looked = -Infinity

  /**
   * `what`: name for messages. `first`: the value until the file has been read. `make` throws when the text is invalid.
   */
  constructor(
    path: string,
    what: string,
    first: Value,
    make: (text: string) => Value,
    clock: Clock,
    log: Logger
  ) {
    this.path = path
    this.#what = what
    this.#value = first
    this.#make = make
    this.#clock = clock
    this.#log = log
  }

  get current(): Value {
    const now = this.#clock.now()
    if (now - this.#looked >= LOOK_EVERY_MS) {
      this.#looked = now
      this.#look()
    }
    return this.#value
  }

  /** Reads it before anybody asks, so that a file that is missing or wrong stands in the log from the start. */
  begin(): this {
    this.#look()
    return this
  }

  #look(): void {
    try {
      const { size, mtimeMs, ctimeMs, ino } = statSync(this.path)
      const stamp = `${size} ${mtimeMs} ${ctimeMs} ${ino}`
      if (stamp === this.#stamp) return
      const age = this.#clock.wall() - mtimeMs
      if (this.#stamp !== '' && age >= 0 && age < SETTLE_MS) {
        this.#looked -= LOOK_EVERY_MS - SETTLE_MS
        return
      }
      if (size > MAX_BYTES) throw new Error('the file is too large')
      this.#value = this.#make(readFileSync(this.path, 'utf8'))
      if (this.#stamp !== '') this.#log.info({ file: this.path }, `${this.#what} read again`)
      this.#stamp = stamp
      this.#complained = ''
    } catch (error) {
      const reason = messageOf(error)
      if (reason === this.#complained) return
      this.#complained = reason
      this.#log.error(
        { file: this.path, reason },
        `cannot read ${this.#what}; what was read before stays in force`
      )
    }
  }
}
