import { checkHttp } from '../harness/check-http.ts'
import { httpLoad, type HttpLoad } from '../load/http-load.ts'
import { parseResult, type LoadResult } from '../load/load-result.ts'
import { throughputMetrics } from './metrics.ts'
import { SkipScenario, type Bench, type Live, type Sample, type Scenario } from './scenario.ts'

type Load = Pick<HttpLoad, 'connections' | 'method' | 'bodyBytes' | 'close' | 'apiKey' | 'acceptEncoding'> & {
  readonly path: string
}

/** The common kind of scenario: a closed loop of one HTTP request against the C origin. */
export function httpLoadScenario(
  options: Pick<Scenario, 'name' | 'title' | 'about' | 'contestants' | 'quick'> &
    Partial<Scenario> & { readonly load: Load; readonly addresses?: number }
): Scenario {
  const { load, addresses, ...rest } = options
  return {
    metrics: throughputMetrics('request'),
    ...rest,
    open: async (bench) => {
      const { backends, kind } = await bench.origins.http(addresses)
      if (addresses !== undefined && (kind === 'node' || process.platform !== 'linux')) {
        throw new SkipScenario(
          'many addresses of one origin need Linux and nginx: apt-get install nginx-light'
        )
      }
      return {
        backends,
        check: ({ port }) => checkHttp(port),
        measure: (live, seconds) => measureHttp(bench, live, seconds, load)
      }
    }
  }
}

export async function measureHttp(
  bench: Bench,
  live: Live,
  seconds: number,
  load: Load,
  scheme: 'http' | 'https' = 'http'
): Promise<Sample> {
  const { path, ...rest } = load
  const spec = httpLoad(
    { url: `${scheme}://127.0.0.1:${live.port}${path}`, seconds, ...rest },
    bench.pins?.load
  )
  return sampleOf(parseResult(await bench.processes.run(spec, (seconds + 30) * 1000)))
}

export function sampleOf({ completed, errors, seconds, latency }: LoadResult): Sample {
  if (completed === 0) throw new Error(`nothing was answered (${errors} errors)`)
  const { p50, p99, p999 } = latency ?? {}
  return {
    units: completed,
    seconds,
    values: {
      errors,
      ...(p50 !== undefined && { p50 }),
      ...(p99 !== undefined && { p99 }),
      ...(p999 !== undefined && { p999 })
    }
  }
}
