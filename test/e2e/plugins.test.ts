import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t, { type Test } from 'tap'
import { loadConfig } from '../../src/config/load-config.ts'
import type { Workers } from '../../src/runtime/workers/workers.ts'
import { get } from './clients.ts'
import { runReloads } from './plugin-reloads.ts'
import { httpOrigin, startLb, until } from './servers.ts'

/** The folder with plugins beside a configuration over them. */
function folder(
  t: Test,
  files: Readonly<Record<string, string>>,
  yaml: object
): { dir: string; file: string } {
  const dir = t.testdir({})
  mkdirSync(dir, { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  const file = join(dir, 'lb.yaml')
  writeFileSync(file, JSON.stringify(yaml))
  return { dir, file }
}

async function boot(t: Test, file: string) {
  const loaded = await loadConfig(file, {})
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  return startLb(t, loaded.config, { configPath: file })
}

t.setTimeout(240_000)

/** LB_BARS=full: as many as the bar has. */
const RELOADS = process.env['LB_BARS'] === 'full' ? 100 : 10

const head = `import { ANSWERED, WAITS, answer, definePlugin } from 'fourseven/plugin'\n`

t.test('faults of plugins end one exchange each, are counted and named; no worker dies', async (t) => {
  const web = await httpOrigin(t, 'web')
  const faulty = `${head}
export default definePlugin({
  name: 'faulty',
  before: 'cache',
  budget: '20ms',
  timeout: '200ms',
  request(exchange) {
    switch (exchange.path) {
      case '/throws': throw new Error('boom')
      case '/loops': { const end = performance.now() + 100; while (performance.now() < end); return undefined }
      case '/leaks': exchange.wait(100, () => { throw new Error('nobody came') }); return WAITS
      case '/lies': return WAITS
      case '/mute': return ANSWERED
      case '/odd': return 7 as never
      case '/rejects': return Promise.reject(new Error('async boom'))
      case '/never': return new Promise(() => {})
      case '/later': return new Promise((resolve) => setTimeout(() => resolve(answer(exchange, { status: 418 })), 5))
      case '/floating': void Promise.reject(new Error('floating')); return undefined
      case '/inject': exchange.setRequestField('X-A', 'b\\r\\nX-Evil: 1'); return undefined
      case '/wide': exchange.setRequestField('X-A', '\\u010aX-Evil: 1'); return undefined
      case '/frame': exchange.setRequestField('Content-Length', '7'); return undefined
    }
    return undefined
  },
  forward(exchange, head) { if (exchange.path === '/forward') head.headers.set('X-A', 'b\\nc') },
  response(exchange, head) { if (exchange.path === '/response') head.headers.append('X-A', 'b\\r\\nX-Evil: 1'); if (exchange.path === '/text') head.headers.text += 'no field' },
  body(exchange, head, output) {
    if (exchange.path !== '/body') return undefined
    head.length = -1
    return { write() { throw new Error('body boom') }, end(trailers) { output.end(trailers) } }
  },
  done(exchange) { if (exchange.path === '/done') throw new Error('done boom') }
})`
  const { file } = folder(
    t,
    { 'faulty.ts': faulty },
    {
      workers: 2,
      plugins: ['./faulty.ts'],
      listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', accessLog: true, pool: 'web' }],
      pools: { web: { backends: [web.address] } }
    }
  )
  const lb = await boot(t, file)
  const port = lb.port('web')
  const broken = [
    'throws',
    'leaks',
    'lies',
    'mute',
    'odd',
    'rejects',
    'never',
    'inject',
    'wide',
    'frame',
    'forward',
    'response',
    'text'
  ]
  for (const path of broken) {
    t.match(
      await get(port, `/${path}`),
      { status: 500, body: /internal error/, headers: { 'x-evil': undefined } },
      path
    )
  }
  t.match(await get(port, '/later'), { status: 418 })
  for (const path of ['loops', 'floating', 'done', 'fine'])
    t.match(await get(port, `/${path}`), { status: 200 }, path)
  await t.rejects(get(port, '/body'), 'a body that breaks off is seen to')
  const many = Array.from({ length: 240 }, (_, i) => get(port, i % 2 === 0 ? '/throws' : '/floating'))
  await Promise.all(many)
  t.match(await get(port, '/fine'), { status: 200, body: 'web' })
  const text = lb.running.metrics()
  const counted = Number(/lb_plugin_errors_total\{plugin="faulty"\} (\d+)/.exec(text)?.[1])
  t.equal(counted, broken.length + 122)
  t.match(text, /lb_plugin_slow_total\{plugin="faulty"\} [1-9]/)
  t.ok(
    (lb.running.planes as Workers).workers.every(
      ({ state, restarts }) => state === 'running' && restarts === 0
    )
  )
})

t.test('in one thread the log names the plugin, its line and what took too long', async (t) => {
  const web = await httpOrigin(t, 'web')
  const text = `${head}
export default definePlugin({
  name: 'slow', before: 'cache', budget: '5ms',
  request(exchange) {
    if (exchange.path === '/throws') throw new Error('boom')
    const end = performance.now() + 30
    while (performance.now() < end);
  }
})`
  const { file } = folder(
    t,
    { 'slow.ts': text },
    {
      workers: 0,
      plugins: ['./slow.ts'],
      listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
      pools: { web: { backends: [web.address] } }
    }
  )
  const lb = await boot(t, file)
  await get(lb.port('web'), '/')
  await get(lb.port('web'), '/throws')
  const slow = lb.lines.find(({ message }) => message.startsWith('plugin slow took'))
  t.match(slow?.fields, { plugin: 'slow', hook: 'request', budgetMs: 5 })
  const thrown = lb.lines.find(({ message }) => message.startsWith('internal error:'))
  t.match(thrown?.fields.err, { message: 'plugin slow, request: boom', stack: /slow\.ts:6/ })
})

t.test('a changed plugin is applied with the file; an invalid one is refused at its line', async (t) => {
  const web = await httpOrigin(t, 'web')
  const yaml = {
    workers: 2,
    plugins: ['./word.ts'],
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', routes: [{ pool: 'web' }] }],
    pools: { web: { backends: [web.address] } }
  }
  const plugin = (more: string) => `${head}import { word } from './words.ts'
export default definePlugin({ name: 'word', before: 'cache', response(_, head) { head.headers.set('X-Word', word${more}) } })`
  const { dir, file } = folder(
    t,
    { 'word.ts': plugin(''), 'words.ts': `export const word: string = 'one'` },
    yaml
  )
  const lb = await boot(t, file)
  const word = async () => (await get(lb.port('web'))).headers['x-word']
  t.equal(await word(), 'one')
  t.match(await lb.running.reload(), { changed: false })
  writeFileSync(join(dir, 'words.ts'), `export const word: string = 'two'`)
  t.match(await lb.running.reload(), {
    changed: true,
    lines: [/./, /./, /plugins changed: plugins\.word\.hash/]
  })
  t.equal(await word(), 'two', 'what it imports belongs to it')
  writeFileSync(join(dir, 'word.ts'), plugin(` + '!'`))
  t.match(await lb.running.reload(), { changed: true })
  for (let i = 0; i < 8; i++) t.equal(await word(), 'two!')

  // What is on the disk now is for the next reload: a worker that comes later runs what the others run.
  writeFileSync(join(dir, 'words.ts'), `export const word: string = 'three'`)
  const workers = lb.running.planes as Workers
  for (const [text, said] of [
    ['export default 3', /its default export must be definePlugin\(.*and is a number/],
    [
      `${head}export default definePlugin({ name: 'word', before: 'cach', request() {} })`,
      /there is no stage "cach"; did you mean "cache"/
    ],
    [
      `${head}export default { name: 'word', before: 'cache', reqest() {} }`,
      /unknown key "reqest" in definePlugin; did you mean "request"/
    ],
    ['export default {', /cannot load the plugin: .*word\.ts/],
    [`throw new Error('at the top')`, /cannot load the plugin: at the top \(word\.ts:1\)/],
    [`import './missing.ts'`, /cannot load the plugin: Cannot find module/]
  ] as const) {
    writeFileSync(join(dir, 'word.ts'), text)
    t.match(await lb.running.reload(), { changed: false, errors: [said] }, text)
  }
  t.equal(await word(), 'two!')
  t.ok(workers.workers.every(({ restarts }) => restarts === 0))
})

t.test('a worker that is replaced runs what the others run, whatever is on the disk by then', async (t) => {
  const plugin = (word: string) =>
    `${head}export default definePlugin({ name: 'word', before: 'cache', request(exchange) { return answer(exchange, { status: 200, body: '${word}' }) } })`
  const { dir, file } = folder(
    t,
    { 'word.ts': plugin('old') },
    {
      workers: 1,
      plugins: ['./word.ts'],
      listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
      pools: { web: { backends: ['127.0.0.1:1'] } }
    }
  )
  const loaded = await loadConfig(file, {})
  if (!loaded.ok) throw new Error('not ok')
  const lb = await startLb(t, loaded.config, { configPath: file, crashable: true })
  writeFileSync(join(dir, 'word.ts'), plugin('new'))
  const workers = lb.running.planes as Workers
  workers.crash(1, 'for the test')
  await until(() => workers.workers[0]!.restarts === 1 && workers.workers[0]!.state === 'running', 'back')
  t.equal((await get(lb.port('web'))).body, 'old')
  await lb.running.reload()
  t.equal((await get(lb.port('web'))).body, 'new')
})

t.test('a plugin at its worst is changed and taken over again and again under load', async (t) => {
  const { answered, wrong, restarts, errors, memory, reloads } = await runReloads(t, RELOADS, 6)
  t.comment(`${answered} answers, ${errors} errors, MB after each tenth: ${memory.join(' ')}`)
  t.strictSame(wrong, [])
  t.equal(reloads, RELOADS)
  t.equal(restarts, 0)
  t.ok(errors > 0)
  // Node keeps each text that a module has had: some kilobytes of this one in each of three threads.
  if (RELOADS === 100) t.ok(memory.at(-1)! - memory[1]! < 100, `MB: ${memory.join(' ')}`)
})

t.test('a hundred reloads leave nothing behind where the plugin is the same', async (t) => {
  const plugin = `${head}export default definePlugin({ name: 'same', before: 'cache', request() {} })
export const ballast = Array.from({ length: 100_000 }, (_, n) => 'x' + n)`
  const yaml = (level: string) => ({
    workers: 0,
    log: { level },
    plugins: ['./same.ts'],
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
    pools: { web: { backends: ['127.0.0.1:1'] } }
  })
  const { file } = folder(t, { 'same.ts': plugin }, yaml('info'))
  const lb = await boot(t, file)
  const reload = async (n: number) => {
    writeFileSync(file, JSON.stringify(yaml(n % 2 === 0 ? 'warn' : 'info')))
    const report = await lb.running.reload()
    if (!report.changed) throw new Error(JSON.stringify(report))
  }
  for (let n = 0; n < 10; n++) await reload(n)
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  gc()
  const before = process.memoryUsage().heapUsed
  for (let n = 0; n < 100; n++) await reload(n)
  gc()
  const grown = process.memoryUsage().heapUsed - before
  // The ballast is 4 MB: imported a hundred times it would be 400.
  t.ok(grown < 8e6, `grew by ${Math.round(grown / 1e6)} MB`)
})
