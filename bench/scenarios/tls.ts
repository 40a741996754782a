import { join } from 'node:path'
import { checkHttps } from '../harness/check-tls.ts'
import { measureHttp, sampleOf } from './http-load-scenario.ts'
import { httpLoadTool } from '../load/http-load.ts'
import { parseResult } from '../load/load-result.ts'
import type { TlsLoad } from '../load/tls-connections.ts'
import { contestants } from './contestants.ts'
import { costMetrics, errorMetric, memoryMetric, throughputMetrics } from './metrics.ts'
import { SkipScenario, type Scenario, type Stage } from './scenario.ts'

const overTls = contestants('lb', 'nginx', 'haproxy').map((contestant) => ({
  ...contestant,
  work: { tls: true }
}))

/** Connections that are kept; wrk speaks TLS too. */
function kept(
  name: string,
  title: string,
  about: string,
  load: { readonly connections: number; readonly path: string }
): Scenario {
  return {
    name,
    title,
    about,
    metrics: throughputMetrics('request'),
    contestants: overTls,
    quick: false,
    open: async (bench): Promise<Stage> => {
      if (httpLoadTool() === 'autocannon') throw new SkipScenario('the load is wrk: apt-get install wrk')
      const { backends } = await bench.origins.http()
      return {
        backends,
        check: ({ port }) => checkHttps(port),
        measure: (live, seconds) => measureHttp(bench, live, seconds, load, 'https')
      }
    }
  }
}

export const tlsGet = kept(
  'tls-get',
  'Small GET over TLS, keep-alive',
  '64 kept TLS 1.3 connections, a 100-byte answer; clear text to the origin.',
  { connections: 64, path: '/' }
)

export const tls1m = kept('tls-1m', 'Body of 1 MB over TLS', '16 kept TLS 1.3 connections, 1 MB down.', {
  connections: 16,
  path: '/1m'
})

/** A handshake for each request. */
function handshakes(
  name: string,
  title: string,
  about: string,
  how: Pick<TlsLoad, 'resumed' | 'version'>
): Scenario {
  return {
    name,
    title,
    about,
    metrics: [...costMetrics('connection', 1), memoryMetric, errorMetric],
    contestants: overTls,
    quick: false,
    open: async (bench): Promise<Stage> => {
      const { backends } = await bench.origins.http()
      return {
        backends,
        check: ({ port }) => checkHttps(port),
        measure: async ({ port }, seconds) => {
          const script = join(import.meta.dirname, '..', 'load', 'tls-connections.ts')
          const load: TlsLoad = { port, connections: 8, seconds, ...how }
          const args = [script, JSON.stringify(load)]
          const spec = { name: 'tls-connections', command: process.execPath, args }
          const output = await bench.processes.run({ ...spec, cpus: bench.pins?.load }, (seconds + 30) * 1000)
          return sampleOf(parseResult(output))
        }
      }
    }
  }
}

export const tlsFull = handshakes(
  'tls-handshake',
  'A full TLS handshake for every request',
  'Connect, TLS 1.3 handshake (X25519, P-256 certificate), one small GET, close.',
  { resumed: false, version: 'TLSv1.3' }
)

export const tlsResumed = handshakes(
  'tls-resumed',
  'A resumed TLS handshake for every request',
  'As tls-handshake, with the session of an earlier connection.',
  { resumed: true, version: 'TLSv1.3' }
)

export const tls12Resumed = handshakes(
  'tls12-resumed',
  'A resumed TLS 1.2 handshake for every request',
  'As tls-resumed, by TLS 1.2.',
  { resumed: true, version: 'TLSv1.2' }
)
