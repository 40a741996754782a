import type { Clock } from '../../core/clock.ts'
import { reportFaults, type FaultReport } from '../../core/containment.ts'
import type { Logger } from '../../core/log/log.ts'
import { reportLosses, type LossReport } from '../../core/log/lost-lines.ts'
import type { Metrics } from '../../core/metrics/metrics.ts'
import { faultReport } from './fault-report.ts'

interface Deps {
  readonly log: Logger
  readonly metrics: Metrics
  readonly clock: Clock
}

/** While a log file loses lines, the main log says so once in this time. */
const SAY_AGAIN_MS = 60_000

/** Counts and logs the faults of this thread and the lines that its logs lose. Returns how to end that. */
export function reportOnItself(
  deps: Deps,
  hearing: (report: FaultReport) => FaultReport = (report) => report
): () => void {
  // From 0 on: an alert on an increase sees no first one otherwise.
  deps.metrics.counter('lb_internal_errors_total', { listener: '' })
  const noFaults = reportFaults(hearing(faultReport(deps.log, deps.metrics, deps.clock)))
  const noLosses = reportLosses(lossReport(deps))
  return () => {
    noFaults()
    noLosses()
  }
}

function lossReport({ log, metrics, clock }: Deps): LossReport {
  const said = new Map<string, number>()
  const count = (file: string | undefined) =>
    metrics.counter('lb_log_lines_lost_total', { log: file ?? 'main' })
  count(undefined)
  return (file, lines, why) => {
    count(file).add(lines)
    // Of its own losses the main log tells when it takes lines again.
    if (file === undefined || lines === 0) return
    const now = clock.now()
    if (now - (said.get(file) ?? -Infinity) < SAY_AGAIN_MS) return
    said.set(file, now)
    log.error({ event: 'log-lost', file, lines, reason: why }, `the log ${file} loses lines: ${why}`)
  }
}
