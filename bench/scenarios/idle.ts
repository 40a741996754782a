import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { checkHttp } from '../harness/check-http.ts'
import { checkHttp2, checkHttps } from '../harness/check-tls.ts'
import { fileLimit } from '../harness/file-limit.ts'
import { memory } from '../harness/usage.ts'
import { parseResult, resultPrefix } from '../load/load-result.ts'
import { contestants, layer4, servers } from './contestants.ts'
import { errorMetric, memoryMetric } from './metrics.ts'
import type { Bench, Contestant, Live, Sample, Scenario } from './scenario.ts'

function idle(
  options: Pick<Scenario, 'name' | 'title' | 'about'> & {
    readonly contestants: readonly Contestant[]
    /** What one connection costs the proxy. */
    readonly descriptors: number
    /** What is spoken; left out: HTTP/1.1 in clear text. */
    readonly tls?: boolean
    readonly h2?: boolean
    /** At most. */
    readonly most?: number
  }
): Scenario {
  const { descriptors, tls = false, h2 = false, most = 10_000, ...rest } = options
  return {
    ...rest,
    metrics: [
      { key: 'perConnection', title: 'KB/connection', better: 'less', digits: 1 },
      memoryMetric,
      { key: 'connections', title: 'connections', better: 'more', digits: 0 },
      errorMetric
    ],
    quick: false,
    rounds: 1,
    open: async (bench) => {
      const { backends } = await bench.origins.http()
      const connections = Math.min(most, Math.floor((fileLimit() - 600) / descriptors))
      return {
        backends,
        check: ({ port }) =>
          h2 ? checkHttp2(port, tls ? 'https' : 'http') : tls ? checkHttps(port) : checkHttp(port),
        measure: (live) => holdOpen(bench, live, { connections, tls, h2 })
      }
    }
  }
}

async function holdOpen(
  bench: Bench,
  live: Live,
  load: { readonly connections: number; readonly tls: boolean; readonly h2: boolean }
): Promise<Sample> {
  const before = memory(live.pid!).pssBytes ?? NaN
  const clients = bench.processes.start({
    name: 'idle connections',
    command: process.execPath,
    args: [join(import.meta.dirname, '..', 'load', 'idle.ts'), JSON.stringify({ port: live.port, ...load })],
    cpus: bench.pins?.load
  })
  const result = parseResult(resultPrefix + (await clients.line(resultPrefix, 60_000)) + '\n')
  // What accepting left behind is collected, or is not: that too is resident memory.
  await wait(3000)
  const after = memory(live.pid!).pssBytes ?? NaN
  await clients.stop()
  const { completed, errors, seconds } = result
  const perConnection = (after - before) / 1024 / completed
  return {
    units: completed,
    seconds,
    values: { errors, connections: completed, perConnection, pssMb: after / 2 ** 20 }
  }
}

export const idleL7 = idle({
  name: 'idle-l7',
  title: '10,000 idle HTTP connections',
  about: 'Each made one request and stays open. How much the memory of the proxy grew, by connection.',
  contestants: contestants(...servers, 'http-proxy-3', 'fast-proxy'),
  descriptors: 1
})

/** Of the servers that speak it, with this work. */
function secured(tls: boolean, h2: boolean): readonly Contestant[] {
  return contestants('lb', 'nginx', 'haproxy').map((contestant) => ({ ...contestant, work: { tls, h2 } }))
}

export const idleTls = idle({
  name: 'idle-tls',
  title: '2,000 idle TLS connections',
  about: 'As idle-l7, over TLS 1.3.',
  contestants: secured(true, false),
  tls: true,
  most: 2_000,
  descriptors: 1
})

export const idleH2c = idle({
  name: 'idle-h2c',
  title: '10,000 idle HTTP/2 connections',
  about: 'As idle-l7, over HTTP/2 in clear text.',
  contestants: secured(false, true),
  h2: true,
  descriptors: 1
})

export const idleH2Tls = idle({
  name: 'idle-h2-tls',
  title: '2,000 idle HTTP/2 connections over TLS',
  about: 'As idle-l7, over HTTP/2 and TLS 1.3.',
  contestants: secured(true, true),
  tls: true,
  h2: true,
  most: 2_000,
  descriptors: 1
})

export const idleL4 = idle({
  name: 'idle-l4',
  title: '10,000 idle TCP connections',
  about: 'As idle-l7 through a TCP listener: each holds a connection on either side.',
  contestants: layer4,
  descriptors: 2.1
})
