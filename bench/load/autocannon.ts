/** Runs autocannon in a process of its own, so that its work is not done by the harness. */
import { createRequire } from 'node:module'
import type { HttpLoad } from './http-load.ts'
import { printResult } from './load-result.ts'

/** As much of autocannon as is used here; the package has no types. */
interface Result {
  readonly '2xx': number
  readonly non2xx: number
  readonly errors: number
  readonly duration: number
  readonly throughput: { readonly total: number }
  readonly latency: {
    readonly p50: number
    readonly p99: number
    readonly p99_9: number
    readonly max: number
  }
}
const autocannon = createRequire(import.meta.url)('autocannon') as (options: object) => Promise<Result>

const { url, connections, seconds, method = 'GET', bodyBytes = 0 } = JSON.parse(process.argv[2]!) as HttpLoad

const result = await autocannon({
  url,
  connections,
  duration: Math.max(1, Math.round(seconds)),
  method,
  ...(bodyBytes > 0 ? { body: 'b'.repeat(bodyBytes) } : {})
})
const { latency } = result
printResult({
  completed: result['2xx'],
  errors: result.errors + result.non2xx,
  seconds: result.duration,
  bytes: result.throughput.total,
  latency: { p50: latency.p50, p99: latency.p99, p999: latency.p99_9, max: latency.max }
})
