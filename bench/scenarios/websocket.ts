import { join } from 'node:path'
import { WrongAnswer } from '../harness/check-http.ts'
import type { Spec } from '../harness/processes.ts'
import { parseResult } from '../load/load-result.ts'
import { contestants } from './contestants.ts'
import { sampleOf } from './http-load-scenario.ts'
import { throughputMetrics } from './metrics.ts'
import type { Bench, Scenario } from './scenario.ts'

function load(bench: Bench, port: number, connections: number, seconds: number): Spec {
  const options = JSON.stringify({ port, connections, seconds })
  const script = join(import.meta.dirname, '..', 'load', 'websocket.ts')
  return {
    name: 'websocket load',
    command: process.execPath,
    args: [script, options],
    cpus: bench.pins?.load
  }
}

export const websocketEcho: Scenario = {
  name: 'websocket-echo',
  title: 'WebSocket echo',
  about: '64 WebSockets, each sends 64 bytes and waits for them to come back. Every answer is compared.',
  metrics: throughputMetrics('message'),
  contestants: contestants(
    'lb',
    'nginx',
    'haproxy',
    'caddy',
    'http-proxy',
    'http-proxy-3',
    'httpxy',
    '@fastify/http-proxy'
  ),
  quick: true,
  smoke: true,
  open: async (bench) => {
    const [origin] = await bench.origins.node(1)
    return {
      backends: [origin!.backend],
      check: async ({ port }) => {
        const { completed, errors } = parseResult(
          await bench.processes.run(load(bench, port, 4, 0.3), 20_000)
        )
        if (completed === 0 || errors > 0) throw new WrongAnswer(`${completed} echoes, ${errors} errors`)
      },
      measure: async ({ port }, seconds) => {
        const output = await bench.processes.run(load(bench, port, 64, seconds), (seconds + 30) * 1000)
        return sampleOf(parseResult(output))
      }
    }
  }
}
