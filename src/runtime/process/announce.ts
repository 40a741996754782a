import type { ReloadReport } from '../../admin/control-plane.ts'
import type { Logger } from '../../core/log/log.ts'
import { packageVersion } from '../../core/package-version.ts'
import type { ListenerAddress } from '../plane/listener-addresses.ts'

/** Logs the addresses once lb listens. */
export function announce(log: Logger, listeners: readonly ListenerAddress[], admin: readonly string[]): void {
  for (const { listener, mode, address } of listeners) {
    log.info({ listener, mode, address }, `listener ${listener} (${mode}) on ${address}`)
  }
  for (const address of admin) log.info({ address }, `admin on ${address}`)
}

export function announceRunning(log: Logger, workers: number): void {
  const how = workers === 0 ? 'in the main thread' : `with ${workers} ${workers === 1 ? 'worker' : 'workers'}`
  log.info({ version: packageVersion(), pid: process.pid, workers }, `lb runs ${how}`)
}

/** `asked`: somebody waits for it. Otherwise only a change is worth a line. */
export function announceReload(log: Logger, report: ReloadReport, ms: number, asked: boolean): void {
  const fields = { changes: report.lines, ms: Math.round(ms) }
  log[asked || report.changed ? 'info' : 'debug'](
    fields,
    `configuration reloaded: ${report.lines.join('; ')}`
  )
}

/** `errors` as they are printed, warnings among them: the log's sentence names what refused it. */
export function announceRefusal(log: Logger, errors: readonly string[]): void {
  const heads = errors.map((error) => error.split('\n')[0]!)
  const why = heads.find((head) => !head.includes(': warning: ')) ?? heads[0]
  log.error({ errors: heads }, `reload refused, the configuration in force stays: ${why}`)
}
