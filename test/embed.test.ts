import { spawn, spawnSync } from 'node:child_process'
import { getEventListeners, once } from 'node:events'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { pino } from 'pino'
import t from 'tap'
import { descriptorsTo } from './open-descriptors.ts'
import type { StageInputs } from '../src/l7/stages/order.ts'
import {
  answer,
  type Config,
  defineConfig,
  definePlugin,
  loadConfig,
  readConfig,
  start
} from '../src/index.ts'

/** Asked for at once, since it takes ten seconds: the exit code, and what was written. */
const never = new Promise<[number | null, string]>((resolve) => {
  const file = join(
    t.testdir({ 'lb.config.mjs': 'export default () => new Promise(() => {})' }),
    'lb.config.mjs'
  )
  const child = spawn(process.execPath, [join(import.meta.dirname, '../bin/lb.js'), 'check', file])
  let text = ''
  child.stderr.on('data', (part: Buffer) => (text += part.toString()))
  child.on('close', (code) => resolve([code, text]))
})

const index = pathToFileURL(join(import.meta.dirname, '../src/index.ts')).href

const config = (body: string, workers = 0): Config => ({
  workers,
  listeners: [
    {
      name: 'web',
      bind: '127.0.0.1:0',
      mode: 'l7',
      routes: [{ respond: { body } }, { match: { path: '/p' }, pool: 'web' }]
    }
  ],
  pools: { web: { algorithm: 'weighted-round-robin', backends: [{ name: 'a', address: '127.0.0.1:1' }] } }
})

t.test('apply takes what start takes, and says of the rest what is wrong', async (t) => {
  const lb = await start(config('one'))
  t.teardown(() => lb.kill())
  const ask = async () => (await fetch(`http://${lb.addresses[0]!.address}`)).text()
  t.equal(await ask(), 'one')
  t.match(await lb.apply(config('two')), { changed: true })
  t.equal(await ask(), 'two')
  const wrong = await lb.apply({ listeners: [{ bind: ':80', mode: 'l7', pool: 'nope' }] })
  t.match(wrong, { changed: false, errors: [/there is no pool "nope"/] })
  t.equal(await ask(), 'two')
})

t.test('backends are seen and changed', async (t) => {
  const lb = await start(config('x'))
  t.teardown(() => lb.kill())
  t.match(await lb.drain('web', 'a'), { admin: 'drain' })
  t.match(await lb.weight('web', 'a', 7), { weight: 7 })
  t.match(lb.pools(), [{ name: 'web', backends: [{ name: 'a', admin: 'drain', weight: 7 }] }])
  t.match(await lb.ready('web', 'a'), { admin: 'ready' })
  await t.rejects(lb.drain('web', 'b'), /no backend web\/b/)
  t.match(lb.metrics(), /^lb_build_info/m)
})

t.test('keys and modes are checked where they are written', async (t) => {
  // @ts-expect-error: a misspelt key does not compile
  t.throws(() => void defineConfig({ listenrs: [] }).listeners[0]!)
  // @ts-expect-error: nor does a mode that there is not
  t.ok(defineConfig({ listeners: [{ bind: ':80', mode: 'l9', pool: 'web' }] }))
  t.ok(defineConfig({ listeners: { bind: ':80', mode: 'l4', pool: 'web' } }), 'a lone item does')
  const web = { bind: ':80', mode: 'l7', pool: 'web' } as const
  const stages: StageInputs = {
    auth: [{ apiKeys: { keys: { alice: 'key' } } }],
    require: { roles: ['admin'] },
    identity: { header: 'x-user' },
    rateLimit: { requests: 10, per: '1s', key: 'identity' },
    cors: { origins: ['https://a.example'] },
    compress: true,
    decompress: false,
    securityHeaders: false,
    errorPages: false,
    csrf: false,
    concurrency: false,
    grpcWeb: false,
    grpcMetrics: false,
    fault: false,
    buffer: false
  }
  t.ok(
    defineConfig({
      listeners: [{ ...web, ...stages, routes: [{ auth: false, rateLimit: stages.rateLimit }] }]
    })
  )
  t.ok(defineConfig({ listeners: [{ ...web, auth: [{ apiKeys: { keys: { alice: 'key' } } }] }] }))
  // @ts-expect-error: no list and no mapping
  t.ok(defineConfig({ listeners: [{ ...web, auth: 5 }] }))
  const pools = (web: NonNullable<Config['pools']>[string]): Config => ({ listeners: [], pools: { web } })
  t.ok(
    pools({ algorithm: 'hash', hash: { key: 'header:x' }, backends: ['a:1', { address: 'b:1', weight: 2 }] })
  )
  // @ts-expect-error: no algorithm
  t.ok(pools({ algorithm: 'leastconn', backends: ['a:1'] }))
  // @ts-expect-error: a misspelt key of a backend
  t.ok(pools({ backends: [{ address: 'a:1', wieght: 2 }] }))
  // @ts-expect-error: no probe
  t.ok(pools({ backends: ['a:1'], health: { type: 'htttp' } }))
  // @ts-expect-error: a duration has a unit
  t.ok(pools({ backends: ['a:1'], health: { type: 'tcp', interval: 5 } }))
  // @ts-expect-error: no number of workers
  t.ok(defineConfig({ workers: 'automatic', listeners: [web] }))
  // @ts-expect-error: a misspelt key of the access log
  t.ok(defineConfig({ listeners: [{ ...web, accessLog: { slwo: '1s' } }] }))
  // @ts-expect-error: a misspelt key of retry
  t.ok(defineConfig({ listeners: [{ ...web, retry: { attmpts: 1 } }] }))
  // @ts-expect-error: a misspelt key of compress
  t.ok(defineConfig({ listeners: [{ ...web, compress: { leves: {} } }] }))
  const constant = { listeners: [web], pools: { web: { backends: ['a:1'] } } } as const
  t.ok(defineConfig(constant))
  // @ts-expect-error: a misspelt key of a stage
  t.ok(defineConfig({ listeners: [{ ...web, auth: [{ apikeys: { keys: {} } }] }] }))
})

t.test('lines go to the logger that is given, of every thread, whatever its kind', async (t) => {
  const lines: unknown[][] = []
  const take = (...line: unknown[]) => void lines.push(line)
  const lb = await start(config('x', 1), { log: { info: take, warn: take, error: take } })
  t.match(lines.at(-1), [/^lb runs with 1 worker/, { workers: 1 }])
  await lb.stop()
  const written: string[] = []
  const own = pino({ level: 'debug' }, { write: (line: string) => void written.push(line) })
  const other = await start(config('x'), { log: own })
  await other.stop()
  t.match(JSON.parse(written.at(-1)!), { msg: 'stopped', cut: 0 })
})

t.test('nothing is printed unless it is asked for, and no fault of lb ends its host', async (t) => {
  const script = (options: string) => `
    const { start } = await import(${JSON.stringify(index)})
    const lb = await start({ workers: 1, listeners: { bind: '127.0.0.1:0', mode: 'l7', accessLog: true, routes: [{ respond: { body: 'hi' } }] } }${options})
    await (await fetch('http://' + lb.addresses[0].address)).text()
    await lb.stop()
    process.on('exit', (code) => process.stderr.write('code ' + code))`
  const dir = t.testdir({ 'quiet.mjs': script(''), 'asked.mjs': script(", { log: 'stdout' }") })
  const run = (file: string) =>
    spawnSync(process.execPath, [join(dir, file)], { encoding: 'utf8', env: { PATH: process.env['PATH'] } })
  t.match(run('quiet.mjs'), { stdout: '', stderr: 'code 0' })
  t.match(run('asked.mjs'), { stdout: /"msg":"lb runs[^]*"msg":"stopped"/ })
})

t.test('it works bundled by esbuild, in one thread', async (t) => {
  const dir = t.testdir({
    'host.mjs': `
      import { start } from ${JSON.stringify(index)}
      const lb = await start({ listeners: { bind: '127.0.0.1:0', mode: 'l7', routes: { respond: { body: 'hi' } } } })
      console.log(await (await fetch('http://' + lb.addresses[0].address)).text())
      await lb.stop()`.replace(index, join(import.meta.dirname, '../src/index.ts'))
  })
  const outfile = join(dir, 'out.mjs')
  await build({
    entryPoints: [join(dir, 'host.mjs')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
    // What esbuild's own documentation asks for where packages call require().
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"
    }
  })
  t.match(spawnSync(process.execPath, [outfile], { encoding: 'utf8' }), {
    status: 0,
    stdout: 'hi\n',
    stderr: ''
  })
})

t.test('plugins may be handed over as they are, in one thread', async (t) => {
  const greeting = definePlugin({
    name: 'greeting',
    before: 'respond',
    request: (exchange) => answer(exchange, { status: 200, body: `hello ${exchange.path}` })
  })
  const lb = await start({ ...config('x'), plugins: [greeting] })
  t.teardown(() => lb.kill())
  const ask = async () => (await fetch(`http://${lb.addresses[0]!.address}/a`)).text()
  t.equal(await ask(), 'hello /a')
  t.match(await lb.apply({ ...config('x'), plugins: [greeting] }), { changed: false })
  t.match(await lb.apply(config('y')), { changed: true })
  t.equal(await ask(), 'y')
  await t.rejects(start({ ...config('x', 1), plugins: [greeting] }), /set workers: 0, or name its file/)
  await t.rejects(
    start({ ...config('x'), plugins: [{ name: 'none' }] }),
    /this is not a plugin: it must say its place/
  )
})

t.test('events are emitted by name; an exception in a listener ends nothing', async (t) => {
  const bad = definePlugin({
    name: 'bad',
    before: 'respond',
    request(exchange) {
      if (exchange.path === '/bad') throw new Error('boom')
    }
  })
  const lb = await start({ ...config('x'), plugins: [bad] })
  t.teardown(() => lb.kill())
  const told: unknown[][] = []
  lb.on('backend', () => {
    throw new Error('a listener')
  })
  const stop = lb.on('backend', ({ pool, backend, axis, to }) => void told.push([pool, backend, axis, to]))
  lb.on('reload', ({ changed, errors = [] }) => void told.push(['reload', changed, errors.length]))
  lb.on('error', ({ message }) => void told.push(['error', message]))
  await lb.drain('web', 'a')
  await lb.apply(config('y'))
  await lb.reload()
  stop()
  await lb.ready('web', 'a')
  await lb.apply({ ...config('x'), plugins: [bad] })
  const { status } = await fetch(`http://${lb.addresses[0]!.address}/bad`)
  t.equal(status, 500)
  t.strictSame(told, [
    ['error', 'a listener'],
    ['web', 'a', 'admin', 'drain'],
    ['reload', true, 0],
    ['reload', false, 1],
    ['error', 'a listener'],
    ['reload', true, 0],
    ['error', 'plugin bad, request: boom']
  ])
  // @ts-expect-error: there is no such event
  t.throws(() => lb.on('backends', () => {}), /there is no event "backends"/)
})

t.test('a host that makes mistakes is told of them, and lives', async (t) => {
  const strange: unknown[] = [
    null,
    undefined,
    'lb.yaml',
    7,
    [],
    () => config('x'),
    Promise.resolve(),
    new Map(),
    new Date()
  ]
  const getter = Object.defineProperty({}, 'listeners', { enumerable: true, get: () => assertNever('mine') })
  const lb = await start(config('x'), {})
  t.teardown(() => lb.kill())
  for (const value of [...strange, getter, { shutdown: { graceMs: 1 } }]) {
    await t.rejects(start(value as Config), { name: 'ConfigError' }, String(value))
    t.match(await lb.apply(value as Config), { changed: false, errors: [/./] })
  }
  await t.rejects(start('lb.yaml' as never), /expected a configuration.*got a string; to read a file/)
  const wrong = [
    { log: {} },
    { log: null },
    { logLevel: 'loud' },
    { unknown: 1 },
    { watch: true },
    { configPath: 1 },
    { watch: 'yes', configPath: 'lb.yaml' },
    { signal: { aborted: false } },
    { signal: null },
    'stdout',
    ['stdout'],
    1
  ]
  for (const options of wrong) await t.rejects(start(config('x'), options as never), TypeError)
  t.throws(() => lb.on('backend', null as never), /takes a function, not null/)
  t.throws(() => lb.on('__proto__' as never, () => {}), /there is no event "__proto__"/)
  await t.rejects(lb.weight('web', 'a', undefined as never), /weight must be a whole number/)
  for (const path of [undefined, null, {}, ['lb.yaml'], Symbol('lb.yaml')]) {
    t.throws(() => readConfig(path as never), { name: 'TypeError', message: /^readConfig takes the path/ })
    await t.rejects(loadConfig(path as never), { name: 'TypeError', message: /^loadConfig takes the path/ })
  }
  for (const graceMs of [NaN, -1, '5'])
    await t.rejects(lb.stop({ graceMs } as never), /a number of milliseconds/)
  t.equal(await (await fetch(`http://${lb.addresses[0]!.address}`)).text(), 'x')
  const told: string[] = []
  lb.on('error', ({ message }) => void told.push(message))
  lb.on('backend', (() => Promise.reject(new Error('late'))) as () => void)
  await lb.drain('web', 'a')
  lb.on('backend', () => assertNever('after the stop'))
  await lb[Symbol.asyncDispose]()
  await lb.ready('web', 'a')
  t.strictSame(told, ['late', 'after the stop', 'late'])
})

function assertNever(message: string): never {
  throw new Error(message)
}

t.test('as long a grace as one likes; a logger whose promise fails; no descriptor is left', async (t) => {
  const fail = (): Promise<never> => Promise.reject(new Error('a log that is down'))
  const backend = createServer((_, response) => setTimeout(() => response.end('whole'), 300))
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve))
  t.teardown(() => backend.close())
  const { port } = backend.address() as AddressInfo
  const counts: number[] = []
  for (const graceMs of [Infinity, 2 ** 31, 10_000]) {
    const lb = await start(
      {
        workers: 1,
        listeners: { bind: '127.0.0.1:0', mode: 'l7', pool: 'web' },
        pools: { web: { backends: [`127.0.0.1:${port}`] } }
      },
      { log: { info: fail, warn: fail, error: fail } }
    )
    const asked = fetch(`http://${lb.addresses[0]!.address}/p`, { headers: { connection: 'close' } })
    await once(backend, 'request')
    await lb.stop({ graceMs })
    t.equal(await (await asked).text(), 'whole')
    backend.closeAllConnections()
    // The first start opens what stays: log, events of workers, fetch.
    if (existsSync('/proc/self/fd')) counts.push(readdirSync('/proc/self/fd').length)
  }
  if (counts.length > 0) t.ok(counts[2]! - counts[1]! < 2, `descriptors: ${counts.join(', ')}`)
})

const seesDescriptors = existsSync('/proc/self/fd')

t.test('a signal ends it, whenever it is aborted, and is let go of at the end', async (t) => {
  await t.rejects(start(config('x'), { signal: AbortSignal.abort(new Error('before')) }), {
    message: 'before'
  })
  await t.rejects(start({ ...config('x'), listeners: [] }, { signal: AbortSignal.abort() }), {
    name: 'AbortError'
  })

  const during = new AbortController()
  const starting = start(config('x'), { signal: during.signal })
  during.abort(new Error('during'))
  await t.rejects(starting, { message: 'during' })
  const late = new AbortController()
  const started = start(config('x'), { signal: late.signal })
  // Once the configuration is read, what is bound is let go of again.
  setImmediate(() => late.abort(new Error('late')))
  await t.rejects(started, { message: 'late' })

  const control = new AbortController()
  const { signal } = control
  const listeners = () => getEventListeners(signal, 'abort').length
  const first = await start(config('x'), { signal })
  const second = await start(config('x'), { signal })
  t.equal(listeners(), 2)
  await first.stop()
  t.equal(listeners(), 1)
  const { address } = second.addresses[0]!
  t.equal(await (await fetch(`http://${address}`)).text(), 'x')
  control.abort()
  await second.stop()
  await t.rejects(fetch(`http://${address}`), 'it does not listen any more')
  t.equal(listeners(), 0)
  const killed = await start(config('x'), { signal: new AbortController().signal })
  await killed.kill()
})

t.test('a log file is closed with the last lb that wrote to it', { skip: !seesDescriptors }, async (t) => {
  const dir = t.testdir()
  const file = join(dir, 'access.log')
  const held = (): number => descriptorsTo(file)
  const listeners = {
    bind: '127.0.0.1:0',
    mode: 'l7',
    accessLog: { file },
    routes: [{ respond: { status: 204 } }]
  } as const
  const say = (): void => {}
  const quiet = { info: say, warn: say, error: say }
  const lb = await start({ workers: 0, listeners }, { log: quiet })
  const other = await start({ workers: 0, listeners }, { log: quiet })
  await fetch(`http://${lb.addresses[0]!.address}/a`, { headers: { connection: 'close' } })
  await lb.stop()
  t.equal(held(), 1)
  await fetch(`http://${other.addresses[0]!.address}/b`, { headers: { connection: 'close' } })
  await other.stop()
  while (held() > 0) await new Promise((resolve) => setTimeout(resolve, 20))
  t.equal(readFileSync(file, 'utf8').split('\n').length, 3, 'both lines')
})

t.test('a change that is overtaken by the stop is told so, and no error', async (t) => {
  const errors: unknown[] = []
  const say = (): void => {}
  const log = { info: say, warn: say, error: (...line: unknown[]) => void errors.push(line) }
  const listeners = [1, 2, 3].map(
    (at) =>
      ({ name: `l${at}`, bind: '127.0.0.1:0', mode: 'l7', routes: [{ respond: { status: 204 } }] }) as const
  )
  const lb = await start({ workers: 0, listeners: listeners.slice(0, 1) }, { log })
  const change = lb.apply({ workers: 0, listeners })
  await new Promise((resolve) => setImmediate(resolve))
  const stopped = lb.stop()
  t.match(await change, { errors: ['lb is shutting down'] })
  await stopped
  t.same(errors, [])
})

t.test('a configuration that never comes is an error', async (t) => {
  t.match(await never, [2, /not ready within 10 s/])
})
