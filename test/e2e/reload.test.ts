import { writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import type { ReloadReport } from '../../src/admin/control-plane.ts'
import { dialLine, get, load } from './clients.ts'
import { httpOrigin, startLb, tcpOrigin, until } from './servers.ts'

t.test('reloads under load with changing pools lose no request and cut no tunnel', async (t) => {
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => httpOrigin(t, name)))
  const echo = await tcpOrigin(t)
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  t.teardown(() => sockets.close())
  await once(sockets, 'listening')
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)))
  const yaml = (backends: string[], extra: object = {}) => ({
    workers: 2,
    listeners: [
      { name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' },
      { name: 'ws', bind: '127.0.0.1:0', mode: 'l7', pool: 'ws' },
      { name: 'raw', bind: '127.0.0.1:0', mode: 'l4', pool: 'raw' }
    ],
    pools: {
      web: { backends, ...extra },
      ws: { backends: [`127.0.0.1:${(sockets.address() as AddressInfo).port}`] },
      raw: { backends: [echo.address] }
    }
  })
  const lb = await startLb(t, yaml([a!.address, b!.address]))
  const tunnels = Array.from({ length: 20 }, () => new WebSocket(`ws://127.0.0.1:${lb.port('ws')}/`))
  t.teardown(() => tunnels.forEach((tunnel) => tunnel.terminate()))
  await Promise.all(tunnels.map((tunnel) => once(tunnel, 'open')))
  const lines = await Promise.all(Array.from({ length: 20 }, () => dialLine(t, lb.port('raw'))))
  await Promise.all(lines.map((line) => line.ask('before')))
  const clients = load(t, () => lb.port('web'), 10)
  await until(() => clients.total > 50, 'load')

  const rounds = [[a, b, c], [c], [b, c], [a, b]]
  for (let i = 0; i < 20; i++) {
    const backends = rounds[i % rounds.length]!.map((origin) => origin!.address)
    const report = (await lb.apply(yaml(backends, { retry: { attempts: (i % 3) + 1 } }))) as ReloadReport
    t.match(report.lines, ['listener web unchanged (10 connections kept)', /^listener ws unchanged \(20 /])
  }
  const total = clients.total
  await until(() => clients.total > total + 50, 'load goes on')
  await clients.stop()
  t.strictSame([...clients.results.keys()], ['200'])
  await Promise.all(lines.map(async (line) => t.equal(await line.ask('after'), 'after')))
  for (const tunnel of tunnels) {
    tunnel.send('after')
    const [data] = await once(tunnel, 'message')
    t.equal(String(data), 'after')
  }
})

t.test('the report says what changed; what cannot be had changes nothing', async (t) => {
  const web = await httpOrigin(t, 'web')
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const used = `127.0.0.1:${(taken.address() as AddressInfo).port}`
  const listener = (name: string, bind: string, body: string) => ({
    name,
    bind,
    mode: 'l7',
    routes: [{ match: {}, respond: { status: 200, body } }]
  })
  const yaml = (...listeners: object[]) => ({
    workers: 2,
    admin: { bind: '127.0.0.1:0' },
    listeners,
    pools: { web: { backends: [web.address] } }
  })
  const lb = await startLb(t, yaml(listener('one', '127.0.0.1:0', 'first')))
  t.strictSame(await lb.apply(yaml(listener('one', '127.0.0.1:0', 'first'))), {
    changed: false,
    lines: ['nothing changed']
  })
  t.match(await lb.apply(yaml(listener('one', '127.0.0.1:0', 'second'), listener('two', used, 'x'))), {
    changed: false,
    errors: [`cannot listen on ${used} (listeners[1].bind, listener two): the address is in use`]
  })
  t.equal((await get(lb.port('one'))).body, 'first')
  t.match(
    await lb.apply(yaml(listener('one', '127.0.0.1:0', 'second'), listener('two', '127.0.0.1:0', 'x'))),
    {
      changed: true,
      lines: [
        /^listener one changed: routes\.one\/1\.body \*\*\* -> \*\*\* \(\d+ connections? kept\)$/,
        'listener two added: 127.0.0.1:0',
        /./
      ]
    }
  )
  t.equal((await get(lb.port('one'))).body, 'second')
  t.equal((await get(lb.port('two'))).body, 'x')

  const admin = { bind: used }
  const refused = await lb.apply({ ...yaml(listener('one', '127.0.0.1:0', 'third')), admin })
  t.match(refused, { changed: false, errors: [/^cannot listen on .*admin\.bind/] })
  t.equal((await get(lb.port('one'))).body, 'second', 'the admin address is part of all or nothing')
  const metrics = lb.running.metrics()
  t.match(metrics, /^lb_config_reloads_total\{result="fail"\} 2$/m)
  t.match(metrics, /^lb_config_reloads_total\{result="ok"\} 2$/m)
})

t.test('the file is read again on demand, and by itself when it is watched', async (t) => {
  const file = join(t.testdir({ 'lb.yaml': '' }), 'lb.yaml')
  const text = (body: string) =>
    `workers: 0
listeners:
  - { name: one, bind: "127.0.0.1:0", mode: l7, routes: [{ match: {}, respond: { status: 200, body: ${body} } }] }
`
  writeFileSync(file, text('first'))
  const { readConfig } = await import('../../src/index.ts')
  const lb = await startLb(t, readConfig(file), { configPath: file, watch: true })
  t.equal((await get(lb.port('one'))).body, 'first')

  writeFileSync(file, text('[nonsense'))
  t.match(await lb.running.reload(true), { changed: false, errors: [/lb\.yaml:/] })
  writeFileSync(file, text('second'))
  t.match(await lb.running.reload(true), { changed: true, lines: ['listener one changed: routes'] })
  t.equal((await get(lb.port('one'))).body, 'first', 'a plan changes nothing')
  t.match(await lb.running.reload(), { changed: true, lines: [/^listener one changed: routes/] })
  t.equal((await get(lb.port('one'))).body, 'second')

  writeFileSync(file, text('third'))
  await until(
    () => lb.lines.filter(({ message }) => message.startsWith('configuration reloaded')).length === 2,
    'watch'
  )
  t.equal((await get(lb.port('one'))).body, 'third')
})
