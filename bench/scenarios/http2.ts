import { checkGrpc, checkHttp2 } from '../harness/check-tls.ts'
import { h2load, parseH2load } from '../load/h2load.ts'
import { contestants } from './contestants.ts'
import { sampleOf } from './http-load-scenario.ts'
import { costMetrics, errorMetric, memoryMetric } from './metrics.ts'
import { GRPC_PATH, grpcMessage, patternBody } from '../origins/content.ts'
import type { Work } from '../targets/target.ts'
import { SkipScenario, type Scenario } from './scenario.ts'

interface Shape {
  readonly connections: number
  readonly streams: number
  readonly path: string
  readonly tls: boolean
  /** HTTP/1.1 unless said otherwise. */
  readonly backendSpeaks?: Work['backendSpeaks']
  /** What each request sends: a POST. */
  readonly body?: Buffer
  readonly headers?: readonly string[]
}

/** HTTP/2 from clients; the load comes from h2load. */
function http2Scenario(name: string, title: string, about: string, shape: Shape): Scenario {
  const scheme = shape.tls ? 'https' : 'http'
  return {
    name,
    title,
    about,
    metrics: [...costMetrics('request'), memoryMetric, errorMetric],
    contestants: contestants('lb', 'nginx', 'haproxy').map((contestant) => ({
      ...contestant,
      work: { h2: true, tls: shape.tls, backendSpeaks: shape.backendSpeaks ?? 'http/1.1' }
    })),
    quick: false,
    open: async (bench) => {
      const { backendSpeaks, body } = shape
      const grpc = backendSpeaks === 'grpc'
      const backends = grpc
        ? await bench.origins.grpc()
        : (await bench.origins.http(1, backendSpeaks === 'h2c')).backends
      const file = body === undefined ? {} : { bodyFile: bench.origins.file('body', body) }
      return {
        backends,
        check: ({ port }) => (grpc ? checkGrpc(port) : checkHttp2(port, scheme)),
        measure: async ({ port }, seconds) => {
          const url = `${scheme}://127.0.0.1:${port}${shape.path}`
          const spec = h2load({ ...shape, ...file, url, seconds }, bench.pins?.load)
          if (spec === undefined) throw new SkipScenario('the load is h2load: apt-get install nghttp2-client')
          return sampleOf(parseH2load(await bench.processes.run(spec, (seconds + 30) * 1000)))
        }
      }
    }
  }
}

export const h2c16x10 = http2Scenario(
  'h2c-16x10',
  'HTTP/2 in clear text, ten streams at a time',
  '16 connections with 10 streams each, a 100-byte answer, HTTP/1.1 to the origin.',
  { connections: 16, streams: 10, path: '/', tls: false }
)

export const h2c64x1 = http2Scenario(
  'h2c-64x1',
  'HTTP/2 in clear text, one stream at a time',
  '64 connections with one stream each, a 100-byte answer, HTTP/1.1 to the origin.',
  { connections: 64, streams: 1, path: '/', tls: false }
)

export const h2Tls16x10 = http2Scenario(
  'h2-tls-16x10',
  'HTTP/2 over TLS, ten streams at a time',
  'As h2c-16x10, over TLS 1.3.',
  { connections: 16, streams: 10, path: '/', tls: true }
)

export const h2c1m = http2Scenario(
  'h2c-1m',
  'HTTP/2 in clear text, bodies of 1 MB',
  '4 connections with 4 streams each, 1 MB down.',
  { connections: 4, streams: 4, path: '/1m', tls: false }
)

export const h2cUpload1m = http2Scenario(
  'h2c-upload-1m',
  'HTTP/2 in clear text, uploads of 1 MB',
  '4 connections with 4 streams each, 1 MB up, a 100-byte answer.',
  { connections: 4, streams: 4, path: '/upload', tls: false, body: patternBody(1_048_576) }
)

export const h2cToH2c = http2Scenario(
  'h2c-to-h2c',
  'HTTP/2 on both sides',
  '16 connections with 10 streams each, a 100-byte answer, HTTP/2 to the origin.',
  { connections: 16, streams: 10, path: '/', tls: false, backendSpeaks: 'h2c' }
)

export const grpcUnary = http2Scenario(
  'grpc-unary',
  'Calls of gRPC',
  '16 connections with 10 calls each, a message of 27 bytes each way, trailers.',
  {
    connections: 16,
    streams: 10,
    path: GRPC_PATH,
    tls: false,
    backendSpeaks: 'grpc',
    body: grpcMessage,
    headers: ['content-type: application/grpc', 'te: trailers']
  }
)
