import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { appendFileSync, readdirSync, writeFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../free-port.ts'
import { get } from './clients.ts'
import { httpOrigin, until } from './servers.ts'

const bin = resolve(import.meta.dirname, '../../bin/lb.js')

/** lb in a process that may have so many descriptors, once it is up; `output`: what it has said so far. */
async function limitedLb(t: Test, file: string, descriptors: number) {
  const command = `ulimit -n ${descriptors}; exec "$0" "$@"`
  const child = spawn('bash', ['-c', command, process.execPath, bin, '--config', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '', LB_LOG: 'json' }
  })
  t.teardown(() => child.kill('SIGKILL'))
  const lb = { child, output: '' }
  child.stdout.setEncoding('utf8').on('data', (part: string) => (lb.output += part))
  await until(() => lb.output.includes('lb runs'), 'up')
  return lb
}

t.test(
  'with all descriptors in use lb lives, reloads, answers for itself, says so once and recovers',
  async (t) => {
    const origin = await httpOrigin(t, 'one')
    const [web, admin] = [await freePort(), await freePort()]
    const file = join(t.testdir({ 'lb.yaml': '' }), 'lb.yaml')
    writeFileSync(
      file,
      `workers: 1
admin: { bind: "127.0.0.1:${admin}" }
shutdown: { grace: 100ms }
listeners: [{ name: web, bind: "127.0.0.1:${web}", mode: l7, pool: a }]
pools: { a: { backends: ["${origin.address}"] } }
`
    )
    const lb = await limitedLb(t, file, 128)
    const { child } = lb

    const idle: Socket[] = []
    for (let i = 0; i < 200; i++) {
      const socket = connect(web, '127.0.0.1')
      socket.on('error', () => {})
      await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))
      idle.push(socket)
    }
    t.teardown(() => idle.forEach((socket) => socket.destroy()))
    await until(() => lb.output.includes('file descriptors are used up'), 'said')
    t.match(lb.output, /"limit":128,"reserve":16/)
    t.equal((await get(admin, '/healthz')).status, 200)
    t.match(
      (await get(admin, '/metrics')).body,
      /lb_connections_refused_total{listener="web",reason="descriptors"} \d/
    )

    appendFileSync(file, 'log: { level: debug }\n')
    child.kill('SIGHUP')
    await until(() => lb.output.includes('configuration reloaded'), 'reloaded')
    // The timer after a reload collects garbage: that ended it, too.
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    t.equal(child.exitCode, null)
    t.equal(lb.output.split('file descriptors are used up').length, 2, 'once')

    for (const socket of idle) socket.destroy()
    await until(() => idle.every(({ closed }) => closed), 'closed')
    let status = 0
    for (let i = 0; i < 50 && status !== 200; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      status = await get(web, '/').then(
        (answer) => answer.status,
        () => 0
      )
    }
    t.equal(status, 200)
    child.kill('SIGTERM')
    t.strictSame(await once(child, 'exit'), [0, null])
  }
)

t.test('a reload that finds no descriptor changes nothing, costs nothing, and goes well once there are some', async (t) => {
  const origin = await httpOrigin(t, 'one')
  const [web, admin, ...more] = await Promise.all(Array.from({ length: 8 }, () => freePort()))
  const file = join(t.testdir({ 'lb.yaml': '' }), 'lb.yaml')
  const configure = (ports: readonly number[]): void =>
    writeFileSync(
      file,
      JSON.stringify({
        workers: 2,
        admin: { bind: `127.0.0.1:${admin}` },
        shutdown: { grace: '100ms' },
        listeners: [web!, ...ports].map((port) => ({ name: `p${port}`, bind: `127.0.0.1:${port}`, mode: 'l7', pool: 'a' })),
        pools: { a: { backends: [origin.address] } }
      })
    )
  configure([])
  const lb = await limitedLb(t, file, 240)
  const { child } = lb
  const open = () => readdirSync(`/proc/${child.pid}/fd`).length
  const answers = () => lb.output.split(/configuration reloaded|reload refused/).length - 1
  let asked = 0
  const reload = async (ports: readonly number[]): Promise<void> => {
    configure(ports)
    child.kill('SIGHUP')
    asked++
    await until(() => answers() === asked, 'an answer')
  }
  const status = (port: number) =>
    get(port, '/').then(
      (answer) => answer.status,
      () => 0
    )
  const works = async (port: number): Promise<void> => {
    let last = 0
    for (let i = 0; i < 600 && last !== 200; i++) {
      last = await status(port)
      if (last !== 200) await new Promise((resolve) => setTimeout(resolve, 50))
    }
    t.equal(last, 200, `${port} answers`)
  }
  await reload(more)
  t.notMatch(lb.output, 'reload refused')
  await reload([])
  await works(web!)
  const before = open()

  const idle = new Set<Socket>()
  t.teardown(() => idle.forEach((socket) => socket.destroy()))
  for (let i = 0; i < 320; i++) {
    const socket = connect(web!, '127.0.0.1')
    socket.on('error', () => {})
    idle.add(socket)
    socket.once('close', () => idle.delete(socket))
    await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))
  }
  await until(() => lb.output.includes('file descriptors are used up'), 'said')
  for (let round = 0; round < 6; round++) {
    await reload(more.slice(0, 1 + round))
    t.equal((await get(admin!, '/healthz')).status, 200)
    t.equal(child.exitCode, null)
  }
  t.match(lb.output, /cannot listen on [^"]*too many open files/)
  t.notMatch(lb.output, /LB_INTERNAL|worker died|is stuck/)
  for (const socket of idle) socket.destroy()
  await until(() => idle.size === 0, 'closed')
  await works(web!)
  await reload([])
  await reload(more)
  for (const port of more) await works(port)
  await reload([])
  await works(web!)
  await until(() => open() <= before + 2, `descriptors: ${before} before, ${open()} now`)
  child.kill('SIGTERM')
  t.strictSame(await once(child, 'exit'), [0, null])
}) // prettier-ignore

t.test('sessions of UDP and TLS handshakes with backends leave the reserve alone, and one line says so', async (t) => {
  const echo = createSocket('udp4').bind(0, '127.0.0.1')
  await once(echo, 'listening')
  t.teardown(() => echo.close())
  echo.on('message', (bytes, from) => echo.send(bytes, from.port, from.address))
  const held: Socket[] = []
  const silent = createServer((socket) => held.push(socket.on('error', () => {}))).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => (held.forEach((socket) => socket.destroy()), silent.close()))
  const [udp, web, admin] = [await freePort(), await freePort(), await freePort()]
  const file = join(t.testdir({ 'lb.yaml': '' }), 'lb.yaml')
  writeFileSync(
    file,
    `workers: 1
admin: { bind: "127.0.0.1:${admin}" }
listeners:
  - { bind: "127.0.0.1:${udp}", mode: l4, protocol: udp, pool: u, udp: { idle: 1s } }
  - { bind: "127.0.0.1:${web}", mode: l7, pool: a, protocols: [h2] }
pools:
  u: { backends: ["127.0.0.1:${echo.address().port}"] }
  a: { backends: ["127.0.0.1:${(silent.address() as AddressInfo).port}"], tls: { verify: false }, timeouts: { connect: 1m } }
`
  )
  const lb = await limitedLb(t, file, 128)
  const said = () => lb.output.split('connections to backends fail until some are closed (ulimit -n is 128)').length - 1

  const session = connectHttp2(`http://127.0.0.1:${web}`)
  session.on('error', () => {})
  const failed = new Promise<unknown>((resolve) => {
    for (let i = 0; i < 120; i++) {
      const stream = session.request()
      stream.on('response', (head) => resolve(head[':status'])).on('error', () => {})
      stream.resume()
    }
  })
  t.equal(await failed, 503)
  t.equal((await get(admin, '/healthz')).status, 200, 'with handshakes under way')
  session.destroy()
  held.forEach((socket) => socket.destroy())
  await until(() => said() === 1, 'said')
  t.notMatch(lb.output, /LB_INTERNAL|LB_EXHAUSTED/, 'no line of each request')
  t.match((await get(admin, '/metrics')).body, /lb_errors_total\{[^}]*code="LB_EXHAUSTED"[^}]*\} [1-9]/)

  const clients = Array.from({ length: 130 }, () => createSocket('udp4'))
  t.teardown(() => clients.forEach((client) => client.close()))
  let answers = 0
  for (const client of clients) client.on('message', () => answers++)
  const dropped = /lb_udp_dropped_total{listener="[^"]*",reason="descriptors"} [1-9]/
  let page = ''
  for (let i = 0; i < 400 && !dropped.test(page); i++) {
    for (const client of clients) client.send('ping', udp, '127.0.0.1')
    page = (await get(admin, '/metrics')).body
  }
  t.match(page, dropped, 'with sessions of UDP')
  await until(() => answers > 0, 'others are answered')
  t.notMatch(lb.output, /backend not reached|is down/, 'no backend is blamed')
  await new Promise((resolve) => setTimeout(resolve, 2_500))
  answers = 0
  await until(() => (clients[0]!.send('ping', udp, '127.0.0.1'), answers > 0), 'answers once the sessions are idle')
  t.ok(said() <= 3, 'few lines')
}) // prettier-ignore
