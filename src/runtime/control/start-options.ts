import type { LogLevel } from '../../config/model/model.ts'
import type { Logger } from '../../core/log/log.ts'

export interface StartOptions {
  /** Overrides that of the configuration. */
  readonly logLevel?: LogLevel
  /** Reload when the file at `configPath` changes. */
  readonly watch?: boolean
  /** The file for `reload()` and the admin API's reload; without it they are refused. */
  readonly configPath?: string
  /** For lines of the main thread; workers write to standard output themselves. */
  readonly log?: Logger
  /** Workers send their lines to `log` too, the logger of the program that embeds lb. */
  readonly forwardLog?: boolean
  /** For tests: a worker accepts the command to throw. */
  readonly crashable?: boolean
}
