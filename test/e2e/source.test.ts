import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import t, { type Test } from 'tap'
import { configure, start, type Config } from '../../src/index.ts'
import { selfSignedCertificate } from '../../src/net/tls/certificates/make-certificate.ts'
import { spawnLb } from './process.ts'
import { until } from './servers.ts'

// The address of the other end that each server saw, whoever connected: lb itself, or its probes.
async function listening(t: Test, server: Server, seen: Set<string>): Promise<number> {
  server.on('connection', (socket) => {
    // Undefined where a probe has closed its connection already.
    if (socket.remoteAddress !== undefined) seen.add(socket.remoteAddress)
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

async function servers(t: Test) {
  const seen = {
    http: new Set<string>(),
    h2c: new Set<string>(),
    tcp: new Set<string>(),
    tls: new Set<string>()
  }
  const { cert, key } = await selfSignedCertificate(['localhost'], Date.now())
  const h2c = createHttp2Server((_, response) => void response.end('h2c')) as unknown as Server
  const ports = {
    http: await listening(
      t,
      createHttpServer((request, response) => void response.end(request.socket.remoteAddress)),
      seen.http
    ),
    h2c: await listening(t, h2c, seen.h2c),
    tcp: await listening(
      t,
      createServer((socket) => socket.end('tcp')),
      seen.tcp
    ),
    tls: await listening(
      t,
      createTlsServer({ cert, key }, (socket) => void socket.end('tls')),
      seen.tls
    )
  }
  return { ports, seen }
}

async function read(port: number): Promise<string> {
  const client = connect(port, '127.0.0.1')
  let text = ''
  client.on('data', (part: Buffer) => (text += part.toString()))
  await once(client, 'close')
  return text
}

/** One pool of each kind, which goes out from `source`. */
function file({ ports, source }: { ports: Record<string, number>; source: string }) {
  const health = (type: string) => ({ type, interval: '100ms', ...(type === 'http' && { path: '/' }) })
  const listener = (name: string, mode: string) => ({ name, bind: '127.0.0.1:0', mode, pool: name })
  return {
    listeners: [
      listener('http', 'l7'),
      listener('h2c', 'l7'),
      listener('tcp', 'l4'),
      listener('tls', 'l4'),
      listener('name', 'l4')
    ],
    pools: {
      http: { backends: [`localhost:${ports['http']}`], source, health: health('http') },
      h2c: { backends: [`127.0.0.1:${ports['h2c']}`], source, protocol: 'h2c', health: health('http') },
      tcp: { backends: [`127.0.0.1:${ports['tcp']}`], source, health: health('tcp') },
      tls: {
        backends: [`localhost:${ports['tls']}`],
        source,
        tls: { verify: false },
        health: { ...health('tls'), verify: false }
      },
      name: { backends: [`localhost:${ports['tcp']}`], source }
    }
  }
}

t.test('connections and probes of every kind go out from the source of their pool', async (t) => {
  const { ports, seen } = await servers(t)
  const config = file({ ports, source: '127.0.0.5' })
  const lb = await start(configure({ ...config, workers: 0, log: { level: 'silent' } } as Config))
  t.teardown(() => lb.kill())
  const [http, h2c, tcp, tls, name] = lb.addresses
  await until(() => Object.values(lb.pools()).every((pool) => pool.usable > 0), 'all pools usable')
  t.equal(await (await fetch(`http://${http!.address}/`)).text(), '127.0.0.5')
  t.equal(await (await fetch(`http://${h2c!.address}/`)).text(), 'h2c')
  t.equal(await read(tcp!.port!), 'tcp')
  t.equal(await read(tls!.port!), 'tls')
  t.equal(await read(name!.port!), 'tcp')
  await until(() => Object.values(seen).every((addresses) => addresses.size > 0), 'everybody was asked')
  for (const [kind, addresses] of Object.entries(seen)) t.strictSame([...addresses], ['127.0.0.5'], kind)

  t.test('a reload with another source uses no kept connection of the old one', async (t) => {
    const again = { ...file({ ports, source: '127.0.0.6' }), workers: 0 } as Config
    t.strictSame((await lb.apply(configure(again))).errors, undefined)
    t.equal(await (await fetch(`http://${http!.address}/`)).text(), '127.0.0.6')
  })
})

t.test('datagrams and their probes go out from the source too', async (t) => {
  const seen = new Set<string>()
  const server = createSocket('udp4', (bytes, from) => {
    seen.add(from.address)
    server.send(bytes, from.port, from.address)
  })
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const lb = await start(
    configure({
      workers: 0,
      log: { level: 'silent' },
      listeners: { name: 'udp', bind: '127.0.0.1:0', mode: 'l4', protocol: 'udp', pool: 'udp' },
      pools: {
        udp: {
          backends: [`localhost:${server.address().port}`],
          source: '127.0.0.5',
          health: { type: 'udp', send: 'ping', expect: 'ping', interval: '100ms' }
        }
      }
    })
  )
  t.teardown(() => lb.kill())
  await until(() => seen.size > 0, 'a probe')
  const client = createSocket('udp4')
  t.teardown(() => client.close())
  client.send('hello', lb.addresses[0]!.port!, '127.0.0.1')
  t.equal(String((await once(client, 'message'))[0]), 'hello')
  t.strictSame([...seen], ['127.0.0.5'])
})

t.test('sockets of Node go out from it as well', async (t) => {
  const { ports, seen } = await servers(t)
  const { listeners, pools } = file({ ports, source: '127.0.0.5' })
  const yaml = JSON.stringify({ workers: 1, listeners, pools })
  const lb = spawnLb(t, yaml, [], { LB_NET: 'sockets' })
  await lb.says('lb runs')
  const port = (name: string) =>
    Number(new RegExp(`"listener":"${name}".*?127\\.0\\.0\\.1:(\\d+)`).exec(lb.output())![1])
  t.equal(await (await fetch(`http://127.0.0.1:${port('http')}/`)).text(), '127.0.0.5')
  t.equal(await read(port('tcp')), 'tcp')
  t.equal(await read(port('name')), 'tcp')
  for (const kind of ['http', 'tcp'] as const) t.strictSame([...seen[kind]], ['127.0.0.5'], kind)
})

t.test(
  'a source that this machine does not have is told as the cause, and is not held against the backend',
  async (t) => {
    const { ports } = await servers(t)
    const yaml = JSON.stringify({
      workers: 1,
      listeners: [
        { name: 'http', bind: '127.0.0.1:0', mode: 'l7', pool: 'http' },
        { name: 'name', bind: '127.0.0.1:0', mode: 'l7', pool: 'name' }
      ],
      pools: {
        http: { backends: [`127.0.0.1:${ports.http}`], source: '192.0.2.77' },
        name: { backends: [`localhost:${ports.http}`], source: '192.0.2.77' }
      }
    })
    const lb = spawnLb(t, yaml)
    await lb.says('lb runs')
    for (const name of ['http', 'name']) {
      const port = new RegExp(`"listener":"${name}".*?127\\.0\\.0\\.1:(\\d+)`).exec(lb.output())![1]!
      t.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 503)
      await lb.says(new RegExp(`"listener":"${name}".*EADDRNOTAVAIL`))
    }
  }
)
