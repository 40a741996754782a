import { existsSync, statSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { freePort } from '../free-port.ts'
import { type Config, configure, defineConfig, start } from '../../src/index.ts'
import { get } from './clients.ts'
import { spawnLb } from './process.ts'
import { httpOrigin, startLb } from './servers.ts'

t.test('a port in use ends the start with the address, the setting and exit code 1', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const free = await freePort()
  const lb = spawnLb(
    t,
    `listeners:
  - { name: one, bind: "127.0.0.1:${free}", mode: l4, pool: p }
  - { name: two, bind: "127.0.0.1:${port}", mode: l4, pool: p }
pools: { p: { backends: ["127.0.0.1:1"] } }
`
  )
  t.equal(await lb.ended, 1)
  t.match(lb.output(), `cannot listen on 127.0.0.1:${port}`)
  t.match(lb.output(), /lb\.yaml:3:\d+: error/)
  t.notMatch(lb.output(), /\n\s+at /, 'no stack trace')
})

t.test('a second lb on the same port is refused, although both use reusePort', async (t) => {
  const yaml = (port: number) =>
    defineConfig({
      workers: 1,
      listeners: [{ name: 'a', bind: `127.0.0.1:${port}`, mode: 'l4', pool: 'p' }],
      pools: { p: { backends: ['127.0.0.1:1'] } }
    })
  const port = await freePort()
  await startLb(t, yaml(port))
  await t.rejects(start(yaml(port), { logLevel: 'silent' }), {
    name: 'StartError',
    code: 'EADDRINUSE',
    address: `127.0.0.1:${port}`,
    setting: 'listeners[0].bind'
  })
})

t.test('unix sockets are served by one worker, beside others on all', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'lb-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const web = await httpOrigin(t, 'web')
  const path = join(dir, 'lb.sock')
  const yaml = defineConfig({
    workers: 2,
    listeners: [{ name: 'web', bind: [`unix:${path}`, '127.0.0.1:0'], mode: 'l7', pool: 'web' }],
    pools: { web: { backends: [web.address] } }
  })
  const lb = await startLb(t, yaml)
  t.ok(statSync(path).isSocket())
  t.ok(lb.lines.some(({ message }) => message.includes('served by one worker')))
  const answer = await new Promise<number>((resolve, reject) => {
    request({ socketPath: path }, (response) => resolve(response.resume().statusCode!))
      .on('error', reject)
      .end()
  })
  t.equal(answer, 200)
  const { port } = lb.running.addresses.find((each) => each.port !== undefined)!
  t.equal((await get(port!)).body, 'web')
  await t.rejects(start(yaml, { logLevel: 'silent' }), { code: 'EADDRINUSE', address: `unix:${path}` })
  await lb.running.stop()
  t.notOk(existsSync(path), 'the file goes with the listener')
})

t.test('a unix socket gets its configured mode, and an invalid path is reported', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'lb-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const group = String(process.getgid!())
  const yaml = (path: string, socket?: object) =>
    configure({
      workers: 0,
      listeners: [
        { name: 'web', bind: `unix:${path}`, mode: 'l7', routes: { respond: {} }, ...(socket && { socket }) }
      ]
    } as Config)
  const path = join(dir, 'a.sock')
  const lb = await start(yaml(path, { mode: '0660', group }))
  t.equal(statSync(path).mode & 0o777, 0o660)
  await lb.stop()
  await t.rejects(start(yaml(path, { owner: 'nobody-of-that-name' })), {
    message: /user nobody-of-that-name does not exist/,
    setting: 'listeners[0].socket'
  })
  await t.rejects(start(yaml('/nonexistent/dir/x.sock')), {
    message: /the directory \/nonexistent\/dir does not exist/
  })
  writeFileSync(join(dir, 'plain'), '')
  await t.rejects(start(yaml(join(dir, 'plain'))), { message: /it is not a socket/ })
  await t.rejects(start(yaml(join(dir, 'plain', 'x'))), { message: /is not a directory/ })
})

t.test('several binds of one listener get ports of their own, the same in all workers', async (t) => {
  const web = await httpOrigin(t, 'web')
  const lb = await startLb(t, {
    workers: 2,
    listeners: [{ name: 'web', bind: ['127.0.0.1:0', '127.0.0.1:0', '[::1]:0'], mode: 'l7', pool: 'web' }],
    pools: { web: { backends: [web.address] } }
  })
  const ports = lb.running.addresses.map(({ port }) => port)
  t.equal(new Set(ports).size, 3)
  t.match(lb.running.addresses[2]!.address, /^\[::1\]:\d+$/)
  for (let i = 0; i < 20; i++) t.equal((await get(ports[i % 2]!)).body, 'web')
})

t.test('the library starts from an object of the shape of the file', async (t) => {
  const web = await httpOrigin(t, 'web')
  const running = await start(
    {
      workers: 0,
      listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
      pools: { web: { backends: [web.address] } }
    },
    { logLevel: 'silent' }
  )
  t.teardown(() => running.kill())
  t.equal((await get(running.addresses[0]!.port!)).body, 'web')
  await running.stop({ graceMs: 100 })
  await t.rejects(get(running.addresses[0]!.port!), { code: 'ECONNREFUSED' })
  t.throws(() => configure({ listeners: [] }), { name: 'ConfigError' })
})

t.test(
  'user: drops root in every thread once the ports are bound',
  {
    skip: process.getuid?.() !== 0 && 'needs root'
  },
  async (t) => {
    const port = await freePort()
    const lb = spawnLb(
      t,
      `workers: 2
user: nobody
listeners: [{ name: a, bind: "127.0.0.1:${port}", mode: l7, routes: [{ match: {}, respond: { status: 200, body: ok } }] }]
`
    )
    await lb.says('lb runs')
    t.match(lb.output(), /"msg":"runs as nobody"/)
    const { readdirSync, readFileSync } = await import('node:fs')
    for (const task of readdirSync(`/proc/${lb.child.pid}/task`)) {
      const status = readFileSync(`/proc/${lb.child.pid}/task/${task}/status`, 'utf8')
      t.match(status, /^Uid:\t(?!0\t)(\d+)\t\1\t\1\t\1$/m)
    }
    t.equal((await get(port)).body, 'ok')
  }
)
