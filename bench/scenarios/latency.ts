import { join } from 'node:path'
import { checkHttp } from '../harness/check-http.ts'
import { parseResult } from '../load/load-result.ts'
import { contestants } from './contestants.ts'
import { sampleOf } from './http-load-scenario.ts'
import { errorMetric, latencyMetrics } from './metrics.ts'
import type { Scenario } from './scenario.ts'

const ratePerSecond = 4000
const [p50, p99, p999] = latencyMetrics

export const latencyFixedRate: Scenario = {
  name: 'latency-fixed-rate',
  title: `Latency at ${ratePerSecond} requests per second`,
  about:
    'Requests are due by the clock, and latency counts from when one was due (no coordinated omission). The rate is ' +
    'below what any of them saturates at. `direct` is the origin without a proxy: the floor, with the load generator’s own jitter.',
  metrics: [
    p99!,
    p50!,
    p999!,
    { key: 'rate', title: 'requests/s', better: 'more', digits: 0 },
    { key: 'cpu', title: 'CPU µs/request', better: 'less', digits: 1 },
    errorMetric
  ],
  contestants: contestants('lb', 'nginx', 'haproxy', 'caddy', 'http-proxy-3', 'fast-proxy', 'direct'),
  quick: false,
  open: async (bench) => {
    const { backends } = await bench.origins.http()
    return {
      backends,
      check: ({ port }) => checkHttp(port),
      measure: async ({ port }, seconds) => {
        const options = JSON.stringify({ port, ratePerSecond, connections: 128, seconds })
        const script = join(import.meta.dirname, '..', 'load', 'open-loop.ts')
        const spec = {
          name: 'open loop',
          command: process.execPath,
          args: [script, options],
          cpus: bench.pins?.load
        }
        return sampleOf(parseResult(await bench.processes.run(spec, (seconds + 30) * 1000)))
      }
    }
  }
}
