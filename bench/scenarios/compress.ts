import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { ask, sha256, WrongAnswer } from '../harness/check-http.ts'
import { httpLoadTool } from '../load/http-load.ts'
import { jsonBody } from '../origins/content.ts'
import { measureHttp } from './http-load-scenario.ts'
import { throughputMetrics } from './metrics.ts'
import { SkipScenario, type Contestant, type Live, type Scenario } from './scenario.ts'

const codings: readonly Contestant[] = [
  { label: 'lb zstd-1', target: 'lb', work: { compress: 'zstd-1' } },
  { label: 'nginx gzip-1', target: 'nginx', work: { compress: 'gzip-1' } },
  { label: 'lb gzip-1', target: 'lb', work: { compress: 'gzip-1' } },
  { label: 'lb gzip-4', target: 'lb', work: { compress: 'gzip-4' } },
  { label: 'nginx gzip-4', target: 'nginx', work: { compress: 'gzip-4' } },
  { label: 'lb identity', target: 'lb' },
  { label: 'nginx identity', target: 'nginx' }
]

const hits: readonly Contestant[] = [
  { label: 'lb hit of zstd-1', target: 'lb', work: { cache: true, compress: 'zstd-1' } },
  { label: 'lb hit of gzip-4', target: 'lb', work: { cache: true, compress: 'gzip-4' } },
  { label: 'lb hit as stored', target: 'lb', work: { cache: true } }
]

function codingOf({ label }: Live): string {
  return /zstd|gzip/.exec(label)?.[0] ?? ''
}

/** The body's length on the wire. */
async function bytesOf(live: Live, path: string): Promise<number> {
  const coding = codingOf(live)
  const { headers, body } = await ask(live.port, path, {
    headers: { 'accept-encoding': coding || 'identity' }
  })
  if ((headers['content-encoding'] ?? '') !== coding)
    throw new WrongAnswer(`Content-Encoding of ${path} is ${headers['content-encoding'] ?? 'missing'}`)
  const plain = coding === 'zstd' ? zstdDecompressSync(body) : coding === 'gzip' ? gunzipSync(body) : body
  if (sha256(plain) !== sha256(jsonBody())) throw new WrongAnswer(`body of ${path} is not the origin's`)
  return body.length
}

function scenario(path: string, rest: Pick<Scenario, 'name' | 'title' | 'about' | 'contestants'>): Scenario {
  return {
    ...rest,
    metrics: [
      ...throughputMetrics('request'),
      { key: 'bytes', title: 'bytes of the body', better: 'less', digits: 0 }
    ],
    quick: false,
    open: async (bench) => {
      const { backends, kind } = await bench.origins.http()
      if (kind === 'node') throw new SkipScenario('the origin is nginx: apt-get install nginx-light')
      if (httpLoadTool() === 'autocannon') throw new SkipScenario('the load is wrk: apt-get install wrk')
      return {
        backends,
        check: async (live) => void (await bytesOf(live, path)),
        measure: async (live, seconds) => {
          const load = { connections: 16, path, acceptEncoding: codingOf(live) }
          const sample = await measureHttp(bench, live, seconds, load)
          return { ...sample, values: { ...sample.values, bytes: await bytesOf(live, path) } }
        }
      }
    }
  }
}

export const compress = scenario('/json', {
  name: 'compress',
  title: '39 KB of JSON, compressed',
  about:
    '16 keep-alive connections, JSON of an API, compressed for each request; and as it is, which is what proxying takes of it.',
  contestants: codings
})

export const compressedHit = scenario('/stored', {
  name: 'compressed-hit',
  title: 'A stored answer that has been compressed',
  about: 'The same 39 KB out of the cache: encoded once, or never.',
  contestants: hits
})
