import type { ChangeEvent } from '../balancer/pool/states.ts'
import type { Logger } from '../core/log/log.ts'

const BAD = new Set(['down', 'open', 'ejected'])

/** Writes one log line per change: `warn` when a backend leaves, `info` when it returns. */
export function logChange(logger: Logger, event: ChangeEvent): void {
  const { pool, backend, axis, from, to, reason } = event
  const fields = { pool, backend, axis, from, to, reason }
  const message = `backend ${pool}/${backend}: ${axis} ${from} to ${to} (${reason})`
  if (BAD.has(to)) logger.warn(fields, message)
  else logger.info(fields, message)
}
