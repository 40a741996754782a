import type { ReloadReport } from '../../admin/control-plane.ts'
import type { Config } from '../../config/model/model.ts'
import type { ListenerAddress } from '../plane/listener-addresses.ts'

/** Of a reload that comes while lb ends, or under which the stop closes the sockets. */
export const TOO_LATE: ReloadReport = { changed: false, lines: [], errors: ['lb is shutting down'] }

/** A running `lb`. */
export interface Running {
  /** The addresses of the listeners in force, with the actual ports. */
  readonly addresses: readonly ListenerAddress[]
  /** The addresses of the admin API: `127.0.0.1:9900`. */
  readonly adminAddresses: readonly string[]
  /**
   * Puts another validated configuration in force. A report with `errors` gives the reasons for a failure; then nothing
   * has changed.
   */
  apply(config: Config): Promise<ReloadReport>
  /** Reads the configuration file again and applies it; with `plan` it only reports what would change. */
  reload(plan?: boolean): Promise<ReloadReport>
  /**
   * After `shutdown.delay` (not when `graceMs` is given): stops accepting, lets open connections finish for
   * `shutdown.grace`, then closes them. Later calls wait for the first.
   */
  stop(options?: { readonly graceMs?: number }): Promise<void>
  /** Reopens log files by their names at the start, after logrotate has moved them. */
  reopenLogs(): void
  /** Ends at once. */
  kill(): Promise<void>
}
