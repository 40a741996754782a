import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { freePort } from '../free-port.ts'
import { bodyOf, type CrowdOrder, type CrowdReport } from './cache-crowd.ts'
import { spawnLb } from './process.ts'
import { httpOrigin } from './servers.ts'
import { resetSocket } from '../reset-socket.ts'

/** LB_BARS=full runs at the sizes that the bars name; else at a tenth or so, which takes some seconds. */
const full = process.env.LB_BARS === 'full'
t.setTimeout(full ? 600_000 : 120_000)

/** The real thing: a process of its own with two workers before one origin. */
async function lb(
  t: Test,
  origin: string,
  maxBytes = '64mb',
  route = ''
): Promise<{ port: number; pid: number }> {
  const port = await freePort()
  const process = spawnLb(
    t,
    `
workers: 2
listeners:
  - name: web
    bind: 127.0.0.1:${port}
    mode: l7
    routes: [{ match: {}, pool: web, cache: { store: main } ${route} }]
pools: { web: { backends: ["${origin}"], retry: { attempts: 0 } } }
caches: { main: { maxBytes: ${maxBytes}, maxObjectBytes: 2mb } }
`
  )
  await process.says('lb runs')
  return { port, pid: process.child.pid! }
}

function crowd(order: CrowdOrder): Promise<CrowdReport> {
  const script = resolve(import.meta.dirname, 'cache-crowd.ts')
  return new Promise((done, failed) => {
    execFile(process.execPath, [script, JSON.stringify(order)], (error, stdout) => {
      if (error !== null) failed(error)
      else done(JSON.parse(stdout) as CrowdReport)
    })
  })
}

t.test('a crowd that asks at once for an object that takes a second is one request upstream', async (t) => {
  const origin = await httpOrigin(t, 'slow', (asked, response) => {
    response.setHeader('cache-control', 'max-age=60')
    response.setHeader('x-bytes', 10_000)
    setTimeout(() => response.end(bodyOf(asked.url!, 10_000)), 1000)
  })
  const { port } = await lb(t, origin.address)
  const each = full ? 10_000 : 1_000
  const report = await crowd({ port, paths: ['/slow'], each, side: 1 })
  t.comment(JSON.stringify(report))
  t.match(report, { whole: each, wrong: 0, broken: 0, refused: 0 })
  t.equal(origin.requests, 1)
})

t.test('private pages are not served one after another', async (t) => {
  const origin = await httpOrigin(t, 'private', (asked, response) => {
    response.setHeader('cache-control', 'private')
    response.setHeader('x-bytes', 100)
    setTimeout(() => response.end(bodyOf(asked.url!, 100)), 200)
  })
  const { port } = await lb(t, origin.address)
  const report = await crowd({ port, paths: ['/me'], each: 50, side: 1 })
  t.comment(JSON.stringify(report))
  t.match(report, { whole: 50, wrong: 0 })
  t.ok(report.slowestMs < 1000, 'one to find out, the others at once')
  t.equal(origin.requests, 50)
})

t.test("a request waits for another's fetch hardly longer than its own may take", async (t) => {
  const origin = await httpOrigin(t, 'hanging', () => {})
  const { port } = await lb(t, origin.address, '64mb', ', timeouts: { response: 1s }')
  const report = await crowd({ port, paths: ['/never'], each: 20, side: 1 })
  t.comment(JSON.stringify(report))
  t.match(report, { refused: 20 })
  t.ok(report.slowestMs < 3300, 'a timeout for waiting and one for asking')
})

t.test('whatever dies under way is never served as whole, and everybody is told', async (t) => {
  const kinds = ['length-fin', 'length-rst', 'chunked-fin', 'chunked-rst', 'close-rst']
  const deaths = 2
  const dying = await dyingOrigin(t, deaths)
  const { port } = await lb(t, dying.address, '16mb')
  const objects = full ? 500 : 60
  const paths = Array.from({ length: objects }, (_, n) => `/${kinds[n % kinds.length]}/${n}`)
  const report = await crowd({ port, paths, each: 6, side: 20 })
  t.comment(JSON.stringify({ ...report, died: dying.died() }))
  t.equal(report.wrong, 0)
  t.equal(report.whole + report.broken + report.refused, 6 * objects)
  t.ok(dying.died() >= objects, 'they did die')
  // By now each object has been fetched as often as it dies, or will be.
  for (let round = 0; round < deaths; round++)
    t.equal((await crowd({ port, paths, each: 1, side: 20 })).wrong, 0)
  t.match(await crowd({ port, paths, each: 2, side: 20 }), { whole: 2 * objects, broken: 0, refused: 0 })
  t.equal(dying.died(), deaths * objects)
})

t.test('much more than it holds goes through a cache within its bound on memory', async (t) => {
  const origin = await httpOrigin(t, 'large', (asked, response) => {
    const bytes = Number(asked.url!.split('/')[2])
    response.setHeader('cache-control', 'max-age=600')
    response.end(Buffer.alloc(bytes, 97))
  })
  const { port, pid } = await lb(t, origin.address)
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  t.teardown(() => agent.destroy())
  const idle = residentMb(pid)
  const total = (full ? 1024 : 256) << 20
  let most = 0
  let sent = 0
  let number = 0
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      while (sent < total) {
        // Sizes from 1 KB to 500 KB, small ones more often.
        const n = number++
        const bytes = Math.round(1000 * 500 ** (((n * 7919) % 1000) / 1000))
        sent += bytes
        if ((await length(port, `/${n}/${bytes}`, agent)) !== bytes) t.fail(`object ${n} is not whole`)
        if (n % 4 === 0) await length(port, `/${n}/${bytes}`, agent)
        if (n % 50 === 0) most = Math.max(most, residentMb(pid))
      }
    })
  )
  most = Math.max(most, residentMb(pid))
  t.comment(JSON.stringify({ objects: number, idle, most, grown: most - idle }))
  // Where many tests run at once, V8 collects later and its heaps stand higher.
  t.ok(most - idle <= 64 * (full ? 1.3 : 2), `${(most - idle).toFixed(1)} MB more than idle`)
})

/** Gives its objects whole only after `deaths` requests for them, which end in the middle of the body. */
async function dyingOrigin(t: Test, deaths: number) {
  const asked = new Map<string, number>()
  let died = 0
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    socket.on('data', (data) => {
      const path = /^GET (\S+)/.exec(data.toString('latin1'))![1]!
      const times = (asked.get(path) ?? 0) + 1
      asked.set(path, times)
      const bytes = 20_000 + ((Number(path.split('/')[2]) * 997) % 50_000)
      const [framing, end] = path.split('/')[1]!.split('-') as [string, string]
      const body = Buffer.from(bodyOf(path, bytes), 'latin1')
      const chunk = (part: Buffer) =>
        framing === 'chunked'
          ? Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')])
          : part
      const dies = times <= deaths
      const fields = {
        length: `Content-Length: ${bytes}`,
        chunked: 'Transfer-Encoding: chunked',
        close: 'Connection: close'
      }
      socket.write(
        `HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nX-Bytes: ${bytes}\r\n${fields[framing as 'length']}\r\n\r\n`
      )
      const half = Math.floor(bytes / 2)
      socket.write(chunk(body.subarray(0, half)))
      setTimeout(() => {
        if (!dies) {
          socket.write(chunk(body.subarray(half)))
          if (framing === 'chunked') socket.write('0\r\n\r\n')
          if (framing === 'close') socket.end()
          return
        }
        died++
        socket.write(chunk(body.subarray(half, half + 100)), () => {
          if (end === 'rst') resetSocket(socket)
          else socket.end()
        })
      }, 20)
    })
  })
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, died: () => died }
}

function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024
}

function length(port: number, path: string, agent: Agent): Promise<number> {
  return new Promise((done, failed) => {
    const call = request({ host: '127.0.0.1', port, path, agent }, (response) => {
      let bytes = 0
      response.on('data', (part: Buffer) => (bytes += part.length))
      response.on('end', () => done(bytes))
      response.on('error', failed)
    })
    call.on('error', failed).end()
  })
}
