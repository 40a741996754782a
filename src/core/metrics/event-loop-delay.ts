import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Clock } from '../clock.ts'
import type { Metrics } from './metrics.ts'

/** The monitor is a timer of this period; what it measures includes it. */
const RESOLUTION_MS = 10
const PERIOD_MS = 5_000
// Not `quantile`, which Prometheus keeps for summaries.
const percentiles = [50, 99, 100] as const

/** Publishes this thread's event-loop delay every five seconds; returns what stops it. */
export function watchEventLoop(metrics: Metrics, worker: string, clock: Clock): () => void {
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  const gauges = percentiles.map((percentile) => ({
    percentile,
    gauge: metrics.gauge('lb_worker_event_loop_delay_seconds', { worker, percentile: String(percentile) })
  }))
  const publish = () => {
    for (const { percentile, gauge } of gauges) {
      const delayMs = monitor.percentile(percentile) / 1e6 - RESOLUTION_MS
      gauge.set(Math.max(0, delayMs) / 1e3)
    }
    monitor.reset()
    cancel = clock.after(PERIOD_MS, publish)
  }
  monitor.enable()
  let cancel = clock.after(PERIOD_MS, publish)
  return () => {
    cancel()
    monitor.disable()
  }
}
