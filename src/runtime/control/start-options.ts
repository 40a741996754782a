import type { LogLevel } from '../../config/model/model.ts'
import type { Logger } from '../../core/log/log.ts'

export interface StartOptions {
  /** Over the configuration's. */
  readonly logLevel?: LogLevel
  /** Reload when the file at `configPath` changes. */
  readonly watch?: boolean
  /** What `reload()` and the admin API's reload read; left out: they are refused. */
  readonly configPath?: string
  /** For lines of the main thread; workers write to standard output themselves. */
  readonly log?: Logger
  /** Workers send their lines to `log` too, which is the logger of the program that embeds lb. */
  readonly forwardLog?: boolean
  /** For tests: lets a worker be told to throw. */
  readonly crashable?: boolean
}
