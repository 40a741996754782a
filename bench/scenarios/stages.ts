import { ask, WrongAnswer } from '../harness/check-http.ts'
import { httpLoadTool } from '../load/http-load.ts'
import { smallBody } from '../origins/content.ts'
import { API_KEY } from '../targets/lb.ts'
import { stageNames } from '../targets/target.ts'
import { contestants } from './contestants.ts'
import { measureHttp } from './http-load-scenario.ts'
import { throughputMetrics } from './metrics.ts'
import { SkipScenario, type Scenario } from './scenario.ts'

async function checkSmall(port: number): Promise<void> {
  const { status, body } = await ask(port, '/', { headers: { 'x-api-key': API_KEY } })
  if (status !== 200) throw new WrongAnswer(`status of GET / is ${status}`)
  if (body.toString() !== smallBody) throw new WrongAnswer("body of GET / is not the origin's")
}

/** What the work adds to a small GET: rows of lb with it and without. */
function beside(scenario: Pick<Scenario, 'name' | 'title' | 'about' | 'contestants'>): Scenario {
  return {
    ...scenario,
    metrics: throughputMetrics('request'),
    quick: false,
    open: async (bench) => {
      if (httpLoadTool() === 'autocannon') throw new SkipScenario('the load is wrk: apt-get install wrk')
      const { backends } = await bench.origins.http()
      return {
        backends,
        check: ({ port }) => checkSmall(port),
        measure: (live, seconds) =>
          measureHttp(bench, live, seconds, { connections: 64, path: '/', apiKey: API_KEY })
      }
    }
  }
}

export const accessLog = beside({
  name: 'access-log',
  title: 'An access log to a file',
  about: 'l7-get with a line per request to a file, and without.',
  contestants: [
    { label: 'lb with log', target: 'lb', work: { accessLog: true } },
    { label: 'nginx with log', target: 'nginx', work: { accessLog: true } },
    ...contestants('lb', 'nginx')
  ]
})

export const stages = beside({
  name: 'stages',
  title: 'Five and ten stages',
  about:
    'l7-get with none; with five: limits, header edits, access log to a file, request id, sticky cookie; with ten: API key, ' +
    'rate limit, concurrency limit, security headers and CORS as well.',
  contestants: [
    { label: 'lb ten stages', target: 'lb', work: { stages: stageNames } },
    { label: 'lb five stages', target: 'lb', work: { stages: stageNames.slice(0, 5) } },
    ...contestants('lb')
  ]
})

export const eachStage = beside({
  name: 'each-stage',
  title: 'Each stage by itself',
  about: 'l7-get with one stage more than none.',
  contestants: [
    ...contestants('lb'),
    ...stageNames
      .filter((name) => name !== 'id')
      .map((name) => ({ label: `lb ${name}`, target: 'lb' as const, work: { stages: [name] } }))
  ]
})
