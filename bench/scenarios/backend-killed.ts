import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { checkHttp } from '../harness/check-http.ts'
import { parseResult } from '../load/load-result.ts'
import { sampleOf } from './http-load-scenario.ts'
import type { Contestant, Scenario } from './scenario.ts'

const contestants: readonly Contestant[] = (['lb', 'nginx', 'haproxy', 'caddy'] as const).map((target) => ({
  label: target,
  target,
  work: { health: true }
}))

export const backendKilled: Scenario = {
  name: 'backend-killed',
  title: 'One of three backends is killed',
  about:
    '50 keep-alive clients, 100 requests a second each; one of three backends gets SIGKILL in the middle. Errors that ' +
    'clients saw, how long after the kill the last one came, and the longest time without any answer at all.',
  metrics: [
    { key: 'errors', title: 'errors', better: 'less', digits: 0 },
    { key: 'recoverMs', title: 'last error after ms', better: 'less', digits: 0 },
    { key: 'longestGapMs', title: 'longest silence ms', better: 'less', digits: 0 },
    { key: 'p99', title: 'p99 ms', better: 'less', digits: 1 },
    { key: 'rate', title: 'requests/s', better: 'more', digits: 0 }
  ],
  contestants,
  quick: false,
  rounds: 3,
  open: async (bench) => {
    const origins = await bench.origins.node(3)
    const victim = origins[2]!
    const port = Number(victim.backend.split(':')[1])
    let running = victim.running
    return {
      backends: origins.map(({ backend }) => backend),
      check: (live) => checkHttp(live.port),
      measure: async (live) => {
        const seconds = 6
        const options = JSON.stringify({ port: live.port, connections: 50, seconds })
        const script = join(import.meta.dirname, '..', 'load', 'steady.ts')
        const spec = {
          name: 'steady load',
          command: process.execPath,
          args: [script, options],
          cpus: bench.pins?.load
        }
        const load = bench.processes.run(spec, 40_000)
        try {
          await wait(2500)
          running.kill()
          const killedAt = Date.now()
          const result = parseResult(await load)
          const { lastErrorAt = 0, longestGapMs = NaN } = result.extra ?? {}
          const recoverMs = lastErrorAt === 0 ? 0 : Math.max(0, lastErrorAt - killedAt)
          const sample = sampleOf(result)
          return { ...sample, values: { ...sample.values, recoverMs, longestGapMs } }
        } finally {
          running = await bench.origins.restartNode(port)
          // Long enough for every proxy to take the backend back before the next round (probes and fail timeouts).
          await wait(2000)
        }
      }
    }
  }
}
