import { join } from 'node:path'
import { ask, WrongAnswer } from '../harness/check-http.ts'
import { parseResult } from '../load/load-result.ts'
import { cacheableBody } from '../origins/content.ts'
import { contestants } from './contestants.ts'
import { measureHttp, sampleOf } from './http-load-scenario.ts'
import { errorMetric, memoryMetric, throughputMetrics } from './metrics.ts'
import type { Contestant, Scenario } from './scenario.ts'

const caches: readonly Contestant[] = contestants('lb', 'nginx', 'varnish', 'haproxy').map((contestant) => ({
  ...contestant,
  work: { cache: true }
}))

/** How often the origin was asked for each path. */
async function counts(backend: string): Promise<Record<string, number>> {
  const { body } = await ask(Number(backend.split(':')[1]), '/counts')
  return JSON.parse(body.toString()) as Record<string, number>
}

async function checkCached(port: number, path: string, backend: string): Promise<void> {
  for (let time = 0; time < 3; time++) {
    const { status, body } = await ask(port, path)
    if (status !== 200) throw new WrongAnswer(`status of GET ${path} is ${status}`)
    if (body.toString() !== cacheableBody) throw new WrongAnswer(`body of GET ${path} is not the origin's`)
  }
  const asked = (await counts(backend))[path]
  if (asked !== 1) throw new WrongAnswer(`the origin was asked ${asked ?? 0} times for one cacheable object`)
}

export const cacheHit: Scenario = {
  name: 'cache-hit',
  title: 'Cache hit',
  about: '64 keep-alive connections ask for one stored object of 1 KB.',
  metrics: throughputMetrics('request'),
  contestants: caches,
  quick: true,
  smoke: true,
  open: async (bench) => {
    const [origin] = await bench.origins.node(1)
    const path = (label: string): string => `/cacheable?for=${encodeURIComponent(label)}`
    return {
      backends: [origin!.backend],
      check: ({ port, label }) => checkCached(port, path(label), origin!.backend),
      measure: (live, seconds) =>
        measureHttp(bench, live, seconds, { connections: 64, path: path(live.label) })
    }
  }
}

export const cacheMissStorm: Scenario = {
  name: 'cache-miss-storm',
  title: 'Many requests for one object that is not stored yet',
  about:
    'All clients ask at the same moment for an object that takes the origin a second. One upstream request is right; ' +
    'the time until the last client has its answer is the cost.',
  metrics: [
    { key: 'upstream', title: 'upstream requests', better: 'less', digits: 0 },
    { key: 'p50', title: 'p50 ms', better: 'less', digits: 0 },
    { key: 'lastMs', title: 'last answer ms', better: 'less', digits: 0 },
    { key: 'cpu', title: 'CPU µs/request', better: 'less', digits: 1 },
    memoryMetric,
    errorMetric
  ],
  contestants: caches,
  quick: false,
  rounds: 3,
  open: async (bench) => {
    const [origin] = await bench.origins.node(1)
    const backend = origin!.backend
    const connections = bench.quick ? 1000 : 9000
    let storm = 0
    return {
      backends: [backend],
      check: ({ port, label }) => checkCached(port, `/cacheable?storm=${encodeURIComponent(label)}`, backend),
      measure: async ({ port }) => {
        const path = `/storm?${storm++}`
        const output = await bench.processes.run(
          {
            name: 'burst',
            command: process.execPath,
            args: [
              join(import.meta.dirname, '..', 'load', 'burst.ts'),
              JSON.stringify({ port, connections, path })
            ],
            cpus: bench.pins?.load
          },
          60_000
        )
        const result = parseResult(output)
        const sample = sampleOf(result)
        const upstream = (await counts(backend))[path] ?? 0
        return { ...sample, values: { ...sample.values, upstream, lastMs: result.latency?.max ?? NaN } }
      }
    }
  }
}
