import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { lbOf } from './serve.ts'

const missing = spawnSync('redis-server', ['--version']).error !== undefined
const skip = missing && 'redis-server is not installed'
/** A request may take this much longer than redis.timeout: one core is shared with the server. */
const SLACK_MS = 400

class Server {
  readonly #folder = mkdtempSync(join(tmpdir(), 'lb-redis-'))
  readonly path = join(this.#folder, 'redis.sock')
  #process: ChildProcess | undefined

  constructor(t: Test) {
    t.teardown(async () => {
      await this.stop()
      rmSync(this.#folder, { recursive: true, force: true })
    })
  }

  async start(...more: string[]): Promise<void> {
    const args = ['--port', '0', '--unixsocket', this.path, '--save', '', '--dir', this.#folder, ...more]
    this.#process = spawn('redis-server', args, { stdio: 'ignore' })
    while (!existsSync(this.path)) await sleep(10)
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name)
  }

  async stop(): Promise<void> {
    const ended = this.#process && once(this.#process, 'exit')
    this.#process?.kill('SIGKILL')
    await ended
    this.#process = undefined
    rmSync(this.path, { force: true })
  }

  cli(...args: string[]): void {
    spawnSync('redis-cli', ['-s', this.path, ...args])
  }
}

function instance(t: Test, url: string, limit: object): Promise<string> {
  return lbOf(
    t,
    {
      rateLimit: { store: 'redis', key: 'all', ...limit },
      routes: [{ match: {}, respond: { status: 200, body: 'fine' } }]
    },
    { redis: { url, timeout: '50ms' }, admin: { bind: '127.0.0.1:0' } }
  )
}

interface Seen {
  readonly status: number
  readonly ms: number
}

async function ask(url: string): Promise<Seen> {
  const from = performance.now()
  const response = await fetch(url)
  await response.arrayBuffer()
  return { status: response.status, ms: performance.now() - from }
}

/** Asks each in turn, `width` at once. */
async function load(urls: readonly string[], count: number, width = 10): Promise<Seen[]> {
  const seen: Seen[] = []
  for (let i = 0; i < count; i += width) {
    seen.push(
      ...(await Promise.all(Array.from({ length: width }, (_, k) => ask(urls[(i + k) % urls.length]!))))
    )
  }
  return seen
}

const passed = (seen: readonly Seen[]) => seen.filter(({ status }) => status === 200).length

/** Until Redis counts: with onError allow, something is refused. */
async function counting(url: string): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if ((await ask(url)).status === 429) return
    await sleep(20)
  }
  throw new Error('Redis is never asked')
}

for (const [mode, algorithm] of [
  ['exact', 'token-bucket'],
  ['exact', 'sliding-window'],
  ['exact', 'fixed-window'],
  ['lease', 'token-bucket'],
  ['lease', 'sliding-window']
] as const) {
  t.test(`two instances hold one limit together: ${mode}, ${algorithm}`, { skip }, async (t) => {
    const server = new Server(t)
    await server.start()
    const limit = { requests: 100, per: '1h', mode, algorithm }
    const urls = [
      await instance(t, `unix:${server.path}`, limit),
      await instance(t, `unix:${server.path}`, limit)
    ]
    await sleep(300)
    server.cli('flushall')
    const seen = await load(urls, 300)
    const most = mode === 'exact' ? 100 : 105
    const least = mode === 'exact' ? 100 : 90
    t.ok(passed(seen) >= least && passed(seen) <= most, `${passed(seen)} of 100`)
    t.ok(
      seen.every(({ status }) => status === 200 || status === 429),
      'nobody fails'
    )
  })
}

t.test(
  'in the middle of traffic Redis hangs, dies, comes back, and is full: nobody fails or waits',
  { skip },
  async (t) => {
    const server = new Server(t)
    await server.start()
    const limit = { requests: 1, per: '1h', mode: 'exact', onError: 'allow' }
    const url = await instance(t, `unix:${server.path}`, limit)
    await counting(url)
    const away = async (what: string) => {
      const seen = await load([url], 100)
      t.ok(
        seen.every(({ status }) => status === 200 || status === 429),
        `${what}: nobody fails`
      )
      const worst = Math.max(...seen.map(({ ms }) => ms))
      t.ok(worst < 50 + SLACK_MS, `${what}: at most ${Math.round(worst)} ms`)
      t.equal((await ask(url)).status, 200, `${what}: onError`)
    }
    server.signal('SIGSTOP')
    await away('stopped')
    server.signal('SIGCONT')
    await counting(url)
    await server.stop()
    await away('killed')
    await server.start()
    await counting(url)
    server.cli('config', 'set', 'maxmemory', '1')
    server.cli('flushall')
    await away('full')
    server.cli('config', 'set', 'maxmemory', '0')
    await counting(url)
  }
)

t.test('onError local holds the limit alone, and deny refuses, whatever is there', { skip }, async (t) => {
  const garbage = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))
  }).listen(0, '127.0.0.1')
  await once(garbage, 'listening')
  t.teardown(() => garbage.close())
  const { port } = garbage.address() as { port: number }
  const server = new Server(t)
  await server.start('--requirepass', 'right')
  const places = [`redis://127.0.0.1:${port}`, 'redis://127.0.0.1:1', `unix:${server.path}`]
  for (const place of places) {
    const local = await instance(t, place, { requests: 5, per: '1h', onError: 'local' })
    t.equal(passed(await load([local], 20)), 5, `${place}: local`)
    const deny = await instance(t, place, { requests: 5, per: '1h', onError: 'deny' })
    t.equal(passed(await load([deny], 20)), 0, `${place}: deny`)
  }
})
