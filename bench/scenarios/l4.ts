import { checkHttp } from '../harness/check-http.ts'
import { iperf3, parseIperf3 } from '../load/iperf3.ts'
import { layer4 } from './contestants.ts'
import { httpLoadScenario, measureHttp } from './http-load-scenario.ts'
import { errorMetric, memoryMetric, throughputMetrics } from './metrics.ts'
import type { Metric, Scenario } from './scenario.ts'

// To a TCP proxy an HTTP request is a message like any other, and wrk and nginx are the cheapest pair to exchange some.

export const l4RequestResponse = httpLoadScenario({
  name: 'l4-request-response',
  title: 'TCP, request and response',
  about:
    '64 kept connections; a message of some 50 bytes there and one of some 250 bytes back, relayed unread.',
  load: { connections: 64, path: '/' },
  metrics: throughputMetrics('message'),
  contestants: layer4,
  quick: true,
  smoke: true
})

export const l4NewConnections = httpLoadScenario({
  name: 'l4-new-connections',
  title: 'TCP, new connections',
  about: 'Connect through the proxy, one exchange, close; each costs the proxy two connections.',
  load: { connections: 64, path: '/', close: true },
  metrics: throughputMetrics('connection'),
  contestants: layer4,
  quick: true
})

const bulkMetrics: readonly Metric[] = [
  { key: 'cpu', title: 'CPU ms/GB', better: 'less', digits: 1 },
  { key: 'rate', title: 'MB/s', better: 'more', digits: 0 },
  memoryMetric,
  errorMetric
]

function bulk(name: string, streams: number, quick: boolean): Scenario {
  return {
    name,
    title: `TCP, bulk over ${streams === 1 ? 'one stream' : `${streams} streams`}`,
    about:
      'iperf3 from client to server (or, where it is missing, HTTP bodies of 1 MB). Microseconds per MB are milliseconds per GB.',
    metrics: bulkMetrics,
    contestants: layer4,
    quick,
    open: async (bench) => {
      const http = await bench.origins.http()
      const server = await bench.origins.iperf()
      return {
        backends: [server ?? http.backends[0]!],
        check: async ({ port }) => {
          if (server === undefined) return checkHttp(port)
          const output = await bench.processes.run(iperf3(port, 1, streams, bench.pins?.load), 30_000)
          if (parseIperf3(output).bytes === 0) throw new Error('iperf3 moved no bytes')
        },
        measure: async (live, seconds) => {
          if (server === undefined) {
            return measureHttp(bench, live, seconds, { connections: streams, path: '/1m' })
          }
          const output = await bench.processes.run(
            iperf3(live.port, Math.max(1, Math.round(seconds)), streams, bench.pins?.load),
            (seconds + 30) * 1000
          )
          const result = parseIperf3(output)
          return { units: result.bytes / 1e6, seconds: result.seconds, values: { errors: 0 } }
        }
      }
    }
  }
}

export const l4Bulk = bulk('l4-bulk', 1, true)
export const l4Bulk8 = bulk('l4-bulk-8', 8, false)
