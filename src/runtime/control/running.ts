import type { ReloadReport } from '../../admin/control-plane.ts'
import type { Config } from '../../config/model/model.ts'
import type { ListenerAddress } from '../plane/listener-addresses.ts'

/** A running `lb`. */
export interface Running {
  /** Where the listeners of the configuration in force listen, with the ports really taken. */
  readonly addresses: readonly ListenerAddress[]
  /** Where the admin API listens: `127.0.0.1:9900`. */
  readonly adminAddresses: readonly string[]
  /** Puts another validated configuration in force. A report with `errors` says why not; then nothing changed. */
  apply(config: Config): Promise<ReloadReport>
  /** Reads the configuration file again and applies it; with `plan` only says what would change. */
  reload(plan?: boolean): Promise<ReloadReport>
  /** After `shutdown.delay` (none where `graceMs` is given): stops accepting, lets what is open finish for `shutdown.grace`, then cuts it. Once; later calls wait for the first. */
  stop(options?: { readonly graceMs?: number }): Promise<void>
  /** Opens log files anew by the names that they had at the start, after logrotate has moved them away. */
  reopenLogs(): void
  /** Ends at once. */
  kill(): Promise<void>
}
