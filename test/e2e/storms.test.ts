import { readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { Agent as TlsAgent, request as httpsRequest } from 'node:https'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../free-port.ts'
import { testCertificates } from '../net/certificates.ts'
import { get, keepAlive } from './clients.ts'
import { spawnLb, type LbProcess } from './process.ts'
import { httpOrigin, until } from './servers.ts'

t.setTimeout(180_000)

/** As long as the bars ask for: LB_BARS=full. */
const full = process.env['LB_BARS'] === 'full'

const certificates = testCertificates()
const leaf = certificates.leaf('localhost', '127.0.0.1')

/** Clients of every kind that ask one after the other until stopped; what they were told. */
function clientsOf(t: Test, clear: number, tls: number) {
  const results = new Map<string, number>()
  let stopped = false
  let answered = 0
  const agent = keepAlive(t, 4)
  const tlsAgent = new TlsAgent({ keepAlive: true, maxSockets: 4, ca: certificates.ca })
  t.teardown(() => tlsAgent.destroy())
  const count = (result: string): void => {
    results.set(result, (results.get(result) ?? 0) + 1)
    if (result === '200') answered++
  }
  const run = async (ask: () => Promise<string>): Promise<void> => {
    while (!stopped) {
      count(await ask().catch((error: NodeJS.ErrnoException) => error.code ?? error.message))
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
  const sessions: ClientHttp2Session[] = []
  t.teardown(() => sessions.forEach((session) => session.destroy()))
  const http2 = (url: string) => {
    let session: ClientHttp2Session | undefined
    return (): Promise<string> => {
      if (session === undefined || session.closed || session.destroyed) {
        session = connectHttp2(url, { ca: certificates.ca })
        session.on('error', () => {})
        sessions.push(session)
      }
      const stream = session.request({ ':path': '/h2' })
      return new Promise((resolve, reject) => {
        let status = 0
        stream.on('response', (head) => (status = Number(head[':status'])))
        stream.on('error', reject)
        stream.resume().on('close', () => resolve(String(status)))
      })
    }
  }
  const overTls = () =>
    new Promise<string>((resolve, reject) => {
      const sent = httpsRequest({ host: '127.0.0.1', servername: 'localhost', port: tls, path: '/tls', agent: tlsAgent }, (response) => {
        response.resume().on('end', () => resolve(String(response.statusCode)))
        response.on('error', reject)
      })
      sent.on('error', reject).end()
    })
  const kinds: (() => Promise<string>)[] = [
    ...Array.from({ length: 4 }, () => async () => String((await get(clear, '/clear', agent)).status)),
    ...Array.from({ length: 4 }, () => overTls),
    http2(`https://localhost:${tls}`),
    http2(`http://127.0.0.1:${clear}`)
  ]
  const running = kinds.map(run)
  return {
    results,
    get answered() {
      return answered
    },
    async stop() {
      stopped = true
      await Promise.all(running)
    }
  }
} // prettier-ignore

function listeners(clear: number, tls: number, extra = ''): string {
  const rest = `mode: l7, protocols: [h2, http/1.1], pool: web ${extra}`
  return `listeners:
  - { name: clear, bind: "127.0.0.1:${clear}", ${rest} }
  - { name: tls, bind: "127.0.0.1:${tls}", tls: { certificates: [{ cert: "${leaf.files.cert}", key: "${leaf.files.key}" }] }, ${rest} }
`
}

t.test('a storm of signals under load ends nothing, loses no request and no line; SIGTERM in it ends lb in order', async (t) => {
  const origin = await httpOrigin(t, 'web')
  const [clear, tls, admin] = [await freePort(), await freePort(), await freePort()]
  const dir = t.testdir({})
  const log = join(dir, 'access.log')
  const yaml = (attempts: number) => `workers: 2
shutdown: { grace: 20s }
admin: { bind: "127.0.0.1:${admin}" }
${listeners(clear, tls, `, accessLog: { file: "${log}", fields: [target, status] }`)}
pools: { web: { backends: ["${origin.address}"], retry: { attempts: ${attempts} } } }
`
  const lb = spawnLb(t, yaml(1))
  await lb.says('lb runs')
  const file = lb.child.spawnargs[lb.child.spawnargs.indexOf('--config') + 1]!
  const clients = clientsOf(t, clear, tls)
  await until(() => clients.answered > 50, 'load')
  for (let round = 0; round < (full ? 60 : 15); round++) {
    if (round % 4 === 0) writeFileSync(file, yaml(1 + (round % 3)))
    if (round % 10 === 4) renameSync(log, `${log}.${round}`)
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGHUP'] as const) lb.child.kill(signal)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const before = clients.answered
  await until(() => clients.answered > before + 50, 'load goes on')
  t.equal(lb.child.exitCode, null)
  t.equal((await get(admin, '/readyz')).status, 200)
  await clients.stop()
  t.strictSame([...clients.results.keys()], ['200'])
  const lines = () => readdirSync(dir).filter((name) => name.startsWith('access.log')).reduce((sum, name) => sum + readFileSync(join(dir, name), 'latin1').split('"status":200').length - 1, 0)
  await until(() => lines() === clients.answered, 'a line for each')

  const others = clientsOf(t, clear, tls)
  await until(() => others.answered > 50, 'load')
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGHUP'] as const) lb.child.kill(signal)
  t.equal(await lb.ended, 0, lb.output().slice(-2_000))
  await others.stop()
  // 0: a stream that was refused.
  const told = [...others.results.keys()].filter((result) => !/^(200|0|ECONNREFUSED|ECONNRESET|ERR_HTTP2_\w+|EPIPE)$/.test(result))
  t.strictSame(told, [])
}) // prettier-ignore

t.test('admin answers health checks with all its places taken by idle and slow connections, which come back at once', async (t) => {
  const [clear, tls, admin] = [await freePort(), await freePort(), await freePort()]
  const origin = await httpOrigin(t, 'web')
  const lb = spawnLb(t, `workers: 1
admin: { bind: "127.0.0.1:${admin}" }
${listeners(clear, tls)}
pools: { web: { backends: ["${origin.address}"] } }
`)
  await lb.says('lb runs')
  const open = new Set<Socket>()
  t.teardown(() => open.forEach((socket) => socket.destroy()))
  const words = ['', 'GET /he', 'POST /api/reload HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n', 'GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n']
  const hold = (i: number): void => {
    const socket = connect(admin, '127.0.0.1')
    open.add(socket)
    socket.on('error', () => {})
    socket.on('connect', () => socket.write(words[i % words.length]!))
    // Answers are not read, so that a call is never over.
    socket.on('close', () => {
      if (open.delete(socket) && held) setTimeout(() => hold(i + 1), 50)
    })
  }
  let held = true
  for (let i = 0; i < 300; i++) hold(i)
  await until(() => [...open].filter(({ readyState }) => readyState === 'open').length >= 250, 'places are taken')
  for (let i = 0; i < 5; i++) {
    for (const path of ['/healthz', '/readyz']) t.equal((await get(admin, path)).status, 200)
    t.equal((await get(clear)).status, 200)
  }
  held = false
  lb.child.kill('SIGTERM')
  t.equal(await lb.ended, 0)
}) // prettier-ignore

/** In KiB. */
function residentKb({ child }: LbProcess): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'latin1'))![1])
}

function descriptors({ child }: LbProcess): number {
  return readdirSync(`/proc/${child.pid}/fd`).length
}

t.test('reloads under load leave no memory and no descriptor behind', { skip: process.platform !== 'linux' }, async (t) => {
  const origin = await httpOrigin(t, 'web')
  const [clear, tls, admin, other] = [await freePort(), await freePort(), await freePort(), await freePort()]
  const yaml = (round: number) => `workers: 2
admin: { bind: "127.0.0.1:${admin}" }
caches: { main: { maxBytes: 8mb } }
${listeners(clear, tls, `, accessLog: { sample: 0.0 }, routes: [{ match: { pathPrefix: "/x${round % 7}" }, pool: more }, { match: {}, pool: web }]`).replaceAll('pool: web ,', '')}
  - { name: "more${round % 3}", bind: "127.0.0.1:${other}", mode: l4, pool: more }
pools:
  web: { backends: ["${origin.address}"], retry: { attempts: ${1 + (round % 2)} } }
  more: { backends: [${Array.from({ length: 300 }, (_, i) => `"127.0.0.${1 + (round % 5)}:${i + 1}"`).join()}] }
`
  const lb = spawnLb(t, yaml(0))
  await lb.says('lb runs')
  const file = lb.child.spawnargs[lb.child.spawnargs.indexOf('--config') + 1]!
  const clients = clientsOf(t, clear, tls)
  let reloads = 0
  const reload = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      writeFileSync(file, yaml(++reloads))
      lb.child.kill('SIGHUP')
      await until(() => lb.output().split('configuration reloaded').length - 1 === reloads, 'reloaded', 60_000)
    }
  }
  await reload(full ? 30 : 8)
  const [memory, open] = [residentKb(lb), descriptors(lb)]
  await reload(full ? 100 : 16)
  const more = residentKb(lb) - memory
  t.ok(more < 60_000, `${more} KiB more`)
  await clients.stop()
  t.strictSame([...clients.results.keys()], ['200'])
  await until(() => descriptors(lb) <= open + 8, `descriptors: ${open} before, ${descriptors(lb)} now`)
  lb.child.kill('SIGTERM')
  t.equal(await lb.ended, 0)
}) // prettier-ignore
