import type { Runtime } from '../../../src/runtime/runtime.ts'
import { pause } from './plan.ts'

/** Gauges that are nil once nobody asks for anything. */
const NIL: readonly RegExp[] = [
  /^lb_connections_open\{listener=/,
  /^lb_http2_streams_open\{/,
  /^lb_backend_active\{/,
  /^lb_queue_waiting\{/,
  /^lb_upstream_connections\{.*state="busy"/
]

/** Counters that stay at nil: of clients and backends here none says what is not allowed, or what lb does not know. */
const NEVER: readonly RegExp[] = [
  /^lb_errors_total\{.*code="LB_(?:UPSTREAM_PROTOCOL|VERSION|NO_ROUTE|NOT_IMPLEMENTED|UNSUPPORTED_CODING|HEAD_TOO_LARGE|LOOP)"/,
  /^lb_http2_connection_errors_total\{.*code="(?!NO_ERROR)/,
  /^lb_internal_errors_total/,
  /^lb_metrics_dropped_series/
]

/** What is left although nothing runs any more, as lines of metrics; waits until nothing is. */
export async function leftOver(running: Runtime, hasFaults: boolean): Promise<readonly string[]> {
  const late = Date.now() + 30_000
  for (;;) {
    const lines = running.metrics().split('\n')
    const left = lines.filter((line) => !line.endsWith(' 0') && NIL.some((gauge) => gauge.test(line)))
    if (left.length === 0 || Date.now() > late) {
      return [
        ...left,
        ...lines.filter(
          (line) =>
            !line.endsWith(' 0') &&
            NEVER.some((counter) => counter.test(line)) &&
            !(hasFaults && line.startsWith('lb_internal'))
        )
      ]
    }
    await pause(50)
  }
}
