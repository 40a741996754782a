import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { openSync, readFileSync, renameSync, writeFileSync, existsSync } from 'node:fs'
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { Agent, request as httpsRequest } from 'node:https'
import { join, resolve } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../src/config/load-config.ts'
import { freePort } from '../free-port.ts'
import type { Workers } from '../../src/runtime/workers/workers.ts'
import { testCertificates } from '../net/certificates.ts'
import { get } from './clients.ts'
import { httpOrigin, startLb, until } from './servers.ts'

const bin = resolve(import.meta.dirname, '../../bin/lb.js')

t.test('a worker in an endless loop is noticed, logged and replaced; no request waits for it', async (t) => {
  const web = await httpOrigin(t, 'web')
  const admin = await freePort()
  const yaml = {
    workers: 2,
    admin: { bind: `127.0.0.1:${admin}` },
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
    pools: { web: { backends: [web.address] } }
  }
  const lb = await startLb(t, yaml, { crashable: true })
  const workers = lb.running.planes as Workers
  workers.crash(2)
  await until(() => workers.workers[1]!.state === 'stuck', 'noticed')
  t.match((await get(admin, '/readyz')).body, /worker 2 is stuck/)
  await until(() => workers.workers[1]!.restarts === 1 && workers.workers[1]!.state === 'running', 'back')
  const line = lb.lines.find(({ message }) => message.startsWith('worker is stuck'))
  t.match(line?.fields.stack, /receive.*worker\.(ts|js):\d+/)
  for (let i = 0; i < 10; i++) t.equal((await get(lb.port('web'), '/')).status, 200)

  // Stuck again, and stopped at once: it takes the grace and the time to notice, not twenty seconds.
  workers.crash(1)
  const began = performance.now()
  await lb.running.stop({ graceMs: 500 })
  const took = performance.now() - began
  t.ok(took < 11_000, `${Math.round(took)} ms`)
})

t.test(
  'clients over TLS and HTTP/2 of a stuck worker are let go, those of others notice nothing',
  async (t) => {
    const web = await httpOrigin(t, 'web')
    const certificates = testCertificates()
    const leaf = certificates.leaf('localhost', '127.0.0.1')
    const listener = { mode: 'l7', pool: 'web', protocols: ['h2', 'http/1.1'] }
    const tls = { certificates: [leaf.files] }
    const lb = await startLb(
      t,
      {
        workers: 2,
        listeners: [
          { name: 'tls', bind: '127.0.0.1:0', tls, ...listener },
          { name: 'clear', bind: '127.0.0.1:0', ...listener }
        ],
        pools: { web: { backends: [web.address] } }
      },
      { crashable: true }
    )
    const workers = lb.running.planes as Workers
    const urls = [`https://localhost:${lb.port('tls')}`, `http://127.0.0.1:${lb.port('clear')}`]
    const dial = (url: string) => {
      const session = connectHttp2(url, { ca: certificates.ca })
      session.on('error', () => {})
      t.teardown(() => session.destroy())
      return session
    }
    /** 200, or why not; waits as long as the session lives. */
    const ask = (session: ClientHttp2Session) =>
      new Promise<unknown>((resolve) => {
        if (session.closed || session.destroyed) return resolve('closed')
        const stream = session.request({ ':path': '/' })
        let status: unknown = 'closed'
        stream.on('response', (head) => (status = head[':status']))
        stream.on('error', () => {})
        stream.resume().on('close', () => resolve(status))
        session.once('close', () => resolve(status))
      })
    const agent = new Agent({ keepAlive: true, maxSockets: 16, ca: certificates.ca })
    t.teardown(() => agent.destroy())
    const overTls = () =>
      new Promise<unknown>((resolve) => {
        const where = { host: '127.0.0.1', servername: 'localhost', port: lb.port('tls'), agent }
        const sent = httpsRequest(where, (response) => {
          response.resume().on('end', () => resolve(response.statusCode))
          response.on('error', () => resolve('closed'))
        })
        sent.on('error', () => resolve('closed')).end()
      })
    const sessions = Array.from({ length: 24 }, (_, i) => dial(urls[i % 2]!))
    t.strictSame(new Set(await Promise.all(sessions.map(ask))), new Set([200]))
    t.strictSame(new Set(await Promise.all(Array.from({ length: 16 }, overTls))), new Set([200]))

    workers.crash(2)
    const asked = [...sessions.map(ask), ...Array.from({ length: 16 }, overTls)]
    const answers = new Map<unknown, number>()
    for (const each of asked) void each.then((answer) => answers.set(answer, (answers.get(answer) ?? 0) + 1))
    await until(() => workers.workers[1]!.state === 'stuck', 'noticed')
    await until(() => (answers.get(200) ?? 0) > 5, 'those of the other worker are answered')
    await until(() => workers.workers[1]!.restarts === 1 && workers.workers[1]!.state === 'running', 'back')
    await Promise.all(asked)
    t.ok((answers.get('closed') ?? 0) > 0, 'and those of the stuck one are told')
    t.strictSame([...answers.keys()].sort(), [200, 'closed'])
    const others = Array.from({ length: 24 }, (_, i) => dial(urls[i % 2]!))
    t.strictSame(new Set(await Promise.all(others.map(ask))), new Set([200]), 'nobody waits for it any more')
    t.strictSame(new Set(await Promise.all(Array.from({ length: 16 }, overTls))), new Set([200]))
    agent.destroy()
    for (const session of [...sessions, ...others]) session.destroy()
    const open = () =>
      lb.running.metrics().match(/^lb_(connections_open|http2_streams_open|backend_active)\{.* [1-9]\d*$/gm)
    await until(() => open() === null, 'what the dead one held is counted no more')
  }
)

const STUCK_IN_NATIVE_CODE = `import { execFileSync } from 'node:child_process'
export default { name: 'blocks', before: 'cache', request(exchange) {
  if (exchange.path === '/block') execFileSync('sleep', ['25'])
} }
`

t.test(
  'a worker blocked in native code is replaced before it is dead, and no reload waits for it',
  async (t) => {
    const web = await httpOrigin(t, 'web')
    const dir = t.testdir({ 'blocks.ts': STUCK_IN_NATIVE_CODE })
    const file = join(dir, 'lb.yaml')
    const config = (pool: string) => ({
      workers: 2,
      plugins: ['./blocks.ts'],
      listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool }],
      pools: { [pool]: { backends: [{ address: web.address, maxConnections: 4 }], queue: { max: 10 } } }
    })
    const put = (pool: string) => writeFileSync(file, JSON.stringify(config(pool)))
    put('web')
    const loaded = await loadConfig(file, {})
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
    const lb = await startLb(t, loaded.config, { configPath: file })
    const workers = lb.running.planes as Workers
    const restarts = () => workers.workers.reduce((sum, { restarts }) => sum + restarts, 0)
    const began = performance.now()
    const blocked = get(lb.port('web'), '/block').catch((error: unknown) => error)
    const held = () => lb.running.metrics().match(/^lb_connections_open\{.*\} [1-9]/m)
    await until(() => workers.workers.some(({ state }) => state === 'stuck'), 'noticed')
    put('other')
    const reloaded = performance.now()
    t.match(await lb.running.reload(), { changed: true })
    t.ok(performance.now() - reloaded < 12_000, 'the reload does not wait for its answer')
    await until(
      () => restarts() === 1 && workers.workers.every(({ state }) => state === 'running'),
      'replaced'
    )
    const took = performance.now() - began
    t.ok(took < 20_000, `replaced after ${Math.round(took)} ms, while the other still sleeps`)
    t.ok(held(), 'the connection of the stuck one is open still')
    for (let i = 0; i < 20; i++) t.equal((await get(lb.port('web'), '/')).status, 200)
    await blocked
    const line = () => lb.lines.some(({ message }) => message.startsWith('the thread of the stuck worker'))
    await until(line, 'it is dead')
    await until(() => held() === null, 'what it held is given back')
    t.equal(restarts(), 1)
    for (let i = 0; i < 20; i++) t.equal((await get(lb.port('web'), '/')).status, 200)
  }
)

const config = (port: number, extra = '') => `workers: 1
shutdown: { grace: 300ms }
listeners: [{ name: web, bind: "127.0.0.1:${port}", mode: l7, ${extra} routes: [{ match: {}, respond: { status: 200, body: ok } }] }]
`

t.test('signals: SIGHUP before it is up, SIGUSR1 for log files, SIGUSR2 for nothing', async (t) => {
  const dir = t.testdir({ 'lb.yaml': '', 'lb.log': '' })
  const [file, log] = [join(dir, 'lb.yaml'), join(dir, 'lb.log')]
  const port = await freePort()
  writeFileSync(file, config(port, 'accessLog: true,'))
  const out = openSync(log, 'a')
  const child = spawn(process.execPath, [bin, '--config', file], {
    stdio: ['ignore', out, out],
    env: { ...process.env, NODE_OPTIONS: '', LB_LOG: 'json' }
  })
  t.teardown(() => child.kill('SIGKILL'))
  // As soon as anything of ours runs, long before it is up.
  const caught = () =>
    /^SigCgt:\s+([0-9a-f]+)$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'latin1'))?.[1]
  await until(() => (BigInt(`0x${caught() ?? 0}`) & 1n) === 1n, 'a handler of SIGHUP')
  const early = setInterval(() => child.kill('SIGHUP'), 40)
  t.teardown(() => clearInterval(early))
  const says = (path: string, text: string) =>
    until(() => existsSync(path) && readFileSync(path, 'utf8').includes(text), text)
  await says(log, 'lb runs')
  clearInterval(early)
  await says(log, 'configuration')
  t.equal(child.exitCode, null)

  child.kill('SIGUSR2')
  renameSync(log, `${log}.1`)
  child.kill('SIGUSR1')
  await until(() => existsSync(log), 'a new file')
  t.equal((await get(port, '/after')).status, 200)
  await says(log, '/after')
  t.notMatch(readFileSync(`${log}.1`, 'utf8'), /Debugger listening|after/)
  child.kill('SIGTERM')
  t.strictSame(await once(child, 'exit'), [0, null])
  t.match(readFileSync(log, 'utf8'), /stopped/)
})

t.test('SIGTERM while the log is not read takes the grace and a second', async (t) => {
  const dir = t.testdir({ 'lb.yaml': '' })
  const port = await freePort()
  writeFileSync(join(dir, 'lb.yaml'), config(port, 'accessLog: true,'))
  const child = spawn(process.execPath, [bin, '--config', join(dir, 'lb.yaml')], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, NODE_OPTIONS: '', LB_LOG: 'json' }
  })
  t.teardown(() => child.kill('SIGKILL'))
  await new Promise<void>((ready) => {
    child.stdout!.on('data', (part: Buffer) => part.includes('lb runs') && ready())
  })
  child.stdout!.pause()
  // More than a pipe holds, so that lines wait in the worker too.
  const path = `/${'x'.repeat(3_000)}`
  for (let i = 0; i < 120; i++) await get(port, path)
  const began = performance.now()
  child.kill('SIGTERM')
  const [code] = (await once(child, 'exit')) as [number]
  const took = performance.now() - began
  t.equal(code, 0)
  t.ok(took < 8_000, `${Math.round(took)} ms`)
})
