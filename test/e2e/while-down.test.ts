import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import { connect, createServer, type Server } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../free-port.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import { get } from './clients.ts'
import { httpOrigin, startLb } from './servers.ts'

function later(t: Test, server: Server | HttpServer, port: number, ms: number): void {
  const timer = setTimeout(() => server.listen(port, '127.0.0.1'), ms)
  t.teardown(() => {
    clearTimeout(timer)
    server.close()
    if ('closeAllConnections' in server) server.closeAllConnections()
  })
}

/** What a connection is told before it ends. */
function ask(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let got = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.on('data', (data) => {
      got += data.toString()
      if (got.length >= text.length) socket.end()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(got))
  })
}

const listeners = [
  { name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' },
  { name: 'tcp', bind: '127.0.0.1:0', mode: 'l4', pool: 'tcp' }
]

for (const health of [undefined, { type: 'tcp', interval: '100ms', timeout: '100ms' }]) {
  for (const workers of [0, 2]) {
    const how = `${health === undefined ? 'without' : 'with'} probes, workers ${workers}`
    t.test(`queue.whileDown: a restart of the service is a delay and no error (${how})`, async (t) => {
      const [web, tcp] = [await freePort(), await freePort()]
      const pool = (port: number) => ({
        backends: [`127.0.0.1:${port}`],
        queue: { whileDown: '20s' },
        ...(health && { health })
      })
      const lb = await startLb(t, { workers, listeners, pools: { web: pool(web), tcp: pool(tcp) } })
      if (health !== undefined) {
        while (lb.running.pools.get('web')!.backends[0]!.probe !== 'down')
          await new Promise((resolve) => setTimeout(resolve, 10))
      }
      later(
        t,
        createHttpServer((_, response) => void response.end('back')),
        web,
        900
      )
      later(
        t,
        createServer((socket) => void socket.pipe(socket)),
        tcp,
        900
      )
      const began = performance.now()
      const answers = await Promise.all([
        ...Array.from({ length: 10 }, () => get(lb.port('web'), '/').then(({ status }) => status)),
        ...Array.from({ length: 5 }, () => ask(lb.port('tcp'), 'hello'))
      ])
      t.same(answers, [...Array<number>(10).fill(200), ...Array<string>(5).fill('hello')])
      t.ok(performance.now() - began > 700, 'it had to wait')
    })
  }
}

t.test('queue.whileDown has an end, and without it no request waits', async (t) => {
  const [one, two] = [await freePort(), await freePort()]
  const lb = await startLb(t, {
    workers: 0,
    listeners: [
      { name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' },
      { name: 'now', bind: '127.0.0.1:0', mode: 'l7', pool: 'now' }
    ],
    pools: {
      web: { backends: [`127.0.0.1:${one}`], queue: { whileDown: '600ms' } },
      now: { backends: [`127.0.0.1:${two}`] }
    }
  })
  const timed = async (port: number) => {
    const began = performance.now()
    const { status } = await get(port, '/')
    return [status, performance.now() - began] as const
  }
  const [status, ms] = await timed(lb.port('web'))
  t.equal(status, 502)
  t.ok(ms > 400 && ms < 3000, `${ms} ms`)
  const [now, nowMs] = await timed(lb.port('now'))
  t.equal(now, 502)
  t.ok(nowMs < 400, `${nowMs} ms`)
})

t.test(
  'an L4 pool that is its own listener is found by check, and cut off where only running shows it',
  async (t) => {
    const own = (backend: string, bind = ':5432') =>
      parseConfig(
        `listeners: [{ bind: "${bind}", mode: l4, pool: db }]\npools: { db: { backends: ["${backend}"] } }`,
        { file: 'lb.yaml', env: {} }
      )
    for (const backend of ['127.0.0.1:5432', 'localhost:5432', '127.3.0.1:5432', '[::ffff:127.0.0.1]:5432']) {
      const result = own(backend)
      t.equal(result.ok, false, backend)
      t.match(result.ok ? [] : result.problems.map(({ message }) => message), [/listener .* itself/])
    }
    t.equal(own('unix:/run/a.sock', 'unix:/run/a.sock').ok, false)
    t.equal(own('unix:/run/b.sock', 'unix:/run/a.sock').ok, true)
    t.equal(own('[::1]:5432', '[::]:5432').ok, false)
    const named = own(`${hostname()}:5432`)
    t.match(named.ok && named.warnings.map(({ message }) => message), [/itself/], 'it may be run elsewhere')
    t.equal(own('10.0.0.2:5432').ok, true, 'another machine with the same port')
    t.equal(own('10.0.0.2:5432', '10.0.0.1:5432').ok, true)
    const circle = parseConfig(
      'listeners: [{ name: a, bind: "127.0.0.1:1", mode: l4, pool: b }, { name: b, bind: "127.0.0.1:2", mode: l4, pool: a }, { name: c, bind: "127.0.0.1:3", mode: l4, pool: b }]\npools: { a: { backends: ["127.0.0.1:1"] }, b: { backends: ["127.0.0.1:2"] } }',
      { file: 'lb.yaml', env: {} }
    )
    t.equal(circle.ok ? 0 : circle.problems.length, 2)

    const port = await freePort()
    // Paths of unix sockets are short.
    const dir = mkdtempSync(join(tmpdir(), 'lb-'))
    t.teardown(() => rmSync(dir, { recursive: true, force: true }))
    const [socket, file] = [join(dir, 'a.sock'), join(dir, 'list.json')]
    writeFileSync(file, JSON.stringify([`127.0.0.1:${port}`, `unix:${socket}`]))
    const lb = await startLb(t, {
      workers: 0,
      listeners: [{ name: 'tcp', bind: [`127.0.0.1:${port}`, `unix:${socket}`], mode: 'l4', pool: 'tcp' }],
      // What is discovered is not in the file.
      pools: { tcp: { discover: { file } } }
    })
    for (let i = 0; i < 20; i++) t.equal(await ask(port, 'hello'), '')
    const accepted = Number(
      /lb_connections_total\{[^}]*listener="tcp"[^}]*\} (\d+)/.exec(lb.running.metrics())?.[1]
    )
    t.ok(accepted >= 20 && accepted < 40, `${accepted} connections for 20`)
    t.ok(lb.lines.some(({ fields }) => fields.code === 'LB_LOOP'))
  }
)

t.test('a 503 with Retry-After is load and no failure', async (t) => {
  const loaded = await httpOrigin(t, 'loaded', (_, response) => {
    response.writeHead(503, { 'retry-after': '1' }).end()
  })
  const good = await httpOrigin(t, 'good')
  const lb = await startLb(t, {
    workers: 0,
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
    pools: { web: { backends: [loaded.address, good.address], breaker: { failures: 3 } } }
  })
  const seen: number[] = []
  for (let i = 0; i < 30; i++) seen.push((await get(lb.port('web'), '/')).status)
  t.equal(seen.filter((status) => status === 503).length, 15, 'it stays in turn')
  const backend = lb.running.pools.get('web')!.backends[0]!
  t.equal(backend.breaker, 'closed')
  t.notMatch(lb.running.metrics(), /lb_upstream_failures_total\{[^}]*\} [1-9]/)
})
