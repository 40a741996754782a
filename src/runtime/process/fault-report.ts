import type { Clock } from '../../core/clock.ts'
import type { FaultReport } from '../../core/containment.ts'
import { Deadlines } from '../../core/deadlines.ts'
import type { Logger } from '../../core/log/log.ts'
import { LogThrottle } from '../../core/log/log-throttle.ts'
import type { Metrics } from '../../core/metrics/metrics.ts'

/** Counts errors contained in this thread, and logs them with their stack: ten a second at most. */
export function faultReport(log: Logger, metrics: Metrics, clock: Clock): FaultReport {
  const throttle = new LogThrottle(log, clock, new Deadlines(clock))
  return (error, listener) => {
    metrics.counter('lb_internal_errors_total', { listener: listener ?? '' }).add()
    const common = { code: 'LB_INTERNAL', ...(listener !== undefined && { listener }) }
    if (!throttle.allows(`LB_INTERNAL ${listener ?? ''}`, 'error', common)) return
    log.error({ ...common, err: error }, 'internal error: one exchange or connection was ended, lb continues')
  }
}
