import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { loadConfig } from '../../src/config/load-config.ts'
import type { Workers } from '../../src/runtime/workers/workers.ts'
import { get } from './clients.ts'
import { httpOrigin, startLb } from './servers.ts'

export interface ReloadsResult {
  readonly answered: number
  readonly wrong: readonly string[]
  readonly restarts: number
  readonly errors: number
  readonly reloads: number
  /** MB, after each tenth of the reloads. */
  readonly memory: readonly number[]
}

/** One that misbehaves in each way by the path, and has its version in a field. */
const plugin = (version: number) => `import { WAITS, definePlugin } from 'fourseven/plugin'
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
export default definePlugin({
  name: 'worst',
  before: 'cache',
  budget: '50ms',
  timeout: '100ms',
  request(exchange) {
    switch (exchange.path) {
      case '/throws': throw new Error('boom')
      case '/loops': { const end = performance.now() + 100; while (performance.now() < end); return undefined }
      case '/never': return new Promise(() => {})
      case '/leaks': exchange.wait(100, () => { throw new Error('nobody came') }); return WAITS
      case '/late': return wait(800).then(() => { throw new Error('late') })
      case '/late-answer': return wait(800)
      case '/split': exchange.setRequestField('X-A', 'b\\r\\nX-Evil: 1'); return undefined
    }
    return undefined
  },
  forward(exchange) { if (exchange.path === '/forward') return Promise.reject(new Error('boom')) },
  response(exchange, head) {
    if (exchange.path === '/response') throw new Error('boom')
    head.headers.set('X-Version', '${version}')
  },
  done(exchange) { if (exchange.path === '/done') return wait(5).then(() => { throw new Error('boom') }) }
})`

const STATUS: Readonly<Record<string, number>> = {
  ...{
    '/': 200,
    '/throws': 500,
    '/loops': 200,
    '/never': 500,
    '/leaks': 500,
    '/late': 500,
    '/late-answer': 500
  },
  ...{ '/split': 500, '/forward': 500, '/response': 500, '/done': 200 }
}

/** The plugin is changed and taken over again and again while requests that it spoils come and go. */
export async function runReloads(t: Test, reloads: number, clients: number): Promise<ReloadsResult> {
  const web = await httpOrigin(t, 'web')
  const dir = t.testdir({})
  const file = join(dir, 'lb.yaml')
  const put = (version: number) => writeFileSync(join(dir, 'worst.ts'), plugin(version))
  put(0)
  const yaml = {
    workers: 2,
    plugins: ['./worst.ts'],
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
    pools: { web: { backends: [web.address] } }
  }
  writeFileSync(file, JSON.stringify(yaml))
  const loaded = await loadConfig(file, {})
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  const lb = await startLb(t, loaded.config, { configPath: file })
  const port = lb.port('web')
  const paths = Object.keys(STATUS)
  const wrong: string[] = []
  let [answered, over] = [0, false]
  const load = Array.from({ length: clients }, async (_, client) => {
    for (let n = client; !over; n++) {
      const path = paths[n % paths.length]!
      const got = await get(port, path).catch((error: unknown) => ({ status: String(error) }))
      answered++
      if (got.status !== STATUS[path]) wrong.push(`${path}: ${got.status}`)
    }
  })
  const memory: number[] = []
  let taken = 0
  for (let version = 1; version <= reloads; version++) {
    put(version)
    const report = await lb.running.reload()
    if (report.changed) taken++
    else wrong.push(JSON.stringify(report))
    if (version % Math.ceil(reloads / 10) === 0) memory.push(Math.round(process.memoryUsage().rss / 1e6))
  }
  over = true
  await Promise.all(load)
  const version = (await get(port, '/')).headers['x-version']
  if (version !== String(reloads)) wrong.push(`version ${String(version)}`)
  const { workers } = lb.running.planes as Workers
  return {
    ...{ answered, wrong, memory, reloads: taken },
    restarts: workers.reduce((sum, { restarts }) => sum + restarts, 0),
    errors: Number(/lb_plugin_errors_total\{plugin="worst"\} (\d+)/.exec(lb.running.metrics())?.[1])
  }
}
