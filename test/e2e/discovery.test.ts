import { spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { connect, createServer as createTcpServer } from 'node:net'
import { DnsServer } from '../discovery/dns-server.ts'
import { freePort } from '../free-port.ts'
import { configure, start } from '../../src/index.ts'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

/** A backend that says its name. */
async function backend(t: Test, name: string, host = '127.0.0.1', port = 0): Promise<number> {
  const server = createServer((_request, response) => response.end(name)).listen(port, host)
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

async function ask(address: string): Promise<string> {
  const response = await fetch(`http://${address}/`)
  return response.status === 200 ? response.text() : String(response.status)
}

async function until(what: string, is: () => Promise<boolean>, ms = 30_000): Promise<void> {
  const late = Date.now() + ms
  while (!(await is())) {
    if (Date.now() > late) throw new Error(`not seen in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

t.test('backends of a file come and go under traffic without a lost request', async (t) => {
  const [a, b] = [await backend(t, 'a'), await backend(t, 'b')]
  const folder = t.testdir({ 'b.yaml': `["127.0.0.1:${a}"]` })
  const file = join(folder, 'b.yaml')
  const lb = await start(
    configure({
      workers: 0,
      log: { level: 'silent' },
      listeners: [{ bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
      pools: { web: { discover: { file } } }
    })
  )
  t.teardown(() => lb.stop())
  const address = lb.addresses[0]!.address
  t.equal(await ask(address), 'a', 'the first answer is there before the listener')
  const answers = new Map<string, number>()
  let asking = true
  const asked = (async () => {
    while (asking) {
      const answer = await ask(address)
      answers.set(answer, (answers.get(answer) ?? 0) + 1)
    }
  })()
  writeFileSync(file, `["127.0.0.1:${a}", "127.0.0.1:${b}"]`)
  await until('b', async () => answers.has('b'))
  writeFileSync(file, `["127.0.0.1:${b}"]`)
  // In turn, each would answer every other: so many of one say that the other is gone.
  await until('only b', async () => {
    if (answers.has('a')) answers.clear()
    return (answers.get('b') ?? 0) > 10
  })
  writeFileSync(file, 'nonsense')
  await new Promise((resolve) => setTimeout(resolve, 700))
  asking = false
  await asked
  t.strictSame([...answers.keys()], ['b'], 'and a file that is none changes nothing')
})

t.test('a source that is away at the start makes an empty pool, and fills it later', async (t) => {
  const port = await backend(t, 'late')
  const source = await freePort()
  const lb = await start(
    configure({
      workers: 0,
      log: { level: 'silent' },
      listeners: [{ bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
      pools: { web: { discover: { http: `http://127.0.0.1:${source}/list`, interval: '100ms' } } }
    })
  )
  t.teardown(() => lb.stop())
  const address = lb.addresses[0]!.address
  t.equal(await ask(address), '503')
  const list = createServer((_request, response) => response.end(`["127.0.0.1:${port}"]`)).listen(
    source,
    '127.0.0.1'
  )
  t.teardown(() => {
    list.closeAllConnections()
    list.close()
  })
  await until('late', async () => (await ask(address)) === 'late')
})

/** One connection, until its first bytes. */
function bytesOf(address: string): Promise<string> {
  const { hostname, port } = new URL(`http://${address}`)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    socket.setEncoding('latin1').on('data', (text: string) => {
      resolve(text)
      socket.destroy()
    })
    socket.on('error', ({ message }) => resolve(message)).on('close', () => resolve('closed'))
  })
}

t.test('a name that moves takes the traffic of L7 and L4 with it, and loses none', async (t) => {
  const names = await DnsServer.start(t, ['127.0.0.1'])
  const web = await backend(t, 'one', '127.0.0.1')
  await backend(t, 'two', '127.0.0.2', web)
  const port = await freePort()
  for (const [host, name] of [
    ['127.0.0.1', 'one'],
    ['127.0.0.2', 'two']
  ] as const) {
    const server = createTcpServer((socket) => void socket.on('error', () => {}).end(name)).listen(port, host)
    await once(server, 'listening')
    t.teardown(() => server.close())
  }
  const discover = { dns: 'x.test', servers: [`127.0.0.1:${names.port}`] }
  const lb = await start(
    configure({
      workers: 0,
      log: { level: 'silent' },
      listeners: [
        { name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' },
        { name: 'tcp', bind: '127.0.0.1:0', mode: 'l4', pool: 'tcp' }
      ],
      pools: { web: { discover: { ...discover, port: web } }, tcp: { discover: { ...discover, port } } }
    })
  )
  t.teardown(() => lb.stop())
  const [l7, l4] = lb.addresses.map(({ address }) => address)
  const seen = new Map<string, number>()
  let asking = true
  const line = async (kind: string, once: () => Promise<string>) => {
    while (asking) {
      const answer = await once()
      if (!seen.has(`${kind} ${answer}`)) seen.set(`${kind} ${answer}`, performance.now())
    }
  }
  const lines = [line('l7', () => ask(l7!)), line('l4', () => bytesOf(l4!))]
  await until('both answer', async () => seen.has('l7 one') && seen.has('l4 one'))
  const moved = performance.now()
  names.addresses = ['127.0.0.2']
  await until('both have moved', async () => seen.has('l7 two') && seen.has('l4 two'))
  asking = false
  await Promise.all(lines)
  t.strictSame([...seen.keys()].sort(), ['l4 one', 'l4 two', 'l7 one', 'l7 two'], 'nothing else was answered')
  const took = ['l7 two', 'l4 two'].map((key) => Math.round(seen.get(key)! - moved))
  t.comment(`with a TTL of 1 s: L7 after ${took[0]} ms, L4 after ${took[1]} ms`)
  t.ok(Math.max(...took) < 10_000, 'five times the TTL and a second')
})

const dnsmasq = spawnSync('dnsmasq', ['--version']).status === 0 ? false : 'dnsmasq is not installed'

t.test('names are followed as DNS answers change, SRV weights included', { skip: dnsmasq }, async (t) => {
  const port = await backend(t, 'one', '127.0.0.1')
  await backend(t, 'two', '127.0.0.2', port)
  const folder = t.testdir({ hosts: '127.0.0.1 api.test\n' })
  const dns = await freePort()
  const server = spawn(
    'dnsmasq',
    [
      '--keep-in-foreground',
      '--no-resolv',
      '--no-hosts',
      '--conf-file=/dev/null',
      '--pid-file=',
      '--user=root',
      '--bind-interfaces',
      '--listen-address=127.0.0.1',
      `--port=${dns}`,
      `--addn-hosts=${join(folder, 'hosts')}`,
      '--host-record=s1.test,127.0.0.1',
      '--host-record=s2.test,127.0.0.2',
      `--srv-host=_web._tcp.test,s1.test,${port},1,30`,
      `--srv-host=_web._tcp.test,s2.test,${port},1,10`
    ],
    { stdio: 'ignore' }
  )
  t.teardown(() => server.kill('SIGKILL'))
  const servers = [`127.0.0.1:${dns}`]
  const lb = await start(
    configure({
      workers: 0,
      log: { level: 'silent' },
      listeners: [
        { name: 'a', bind: '127.0.0.1:0', mode: 'l7', pool: 'a' },
        { name: 'srv', bind: '127.0.0.1:0', mode: 'l7', pool: 'srv' }
      ],
      pools: {
        a: { discover: { dns: 'api.test', port, interval: '1s', servers } },
        srv: {
          algorithm: 'weighted-round-robin',
          discover: { dns: '_web._tcp.test', type: 'srv', interval: '1s', servers }
        }
      }
    })
  )
  t.teardown(() => lb.stop())
  const [a, srv] = lb.addresses.map(({ address }) => address)
  await until('one', async () => (await ask(a!)) === 'one')
  const counts = { one: 0, two: 0 }
  await until('srv', async () => (await ask(srv!)) !== '503')
  for (let i = 0; i < 40; i++) counts[(await ask(srv!)) as 'one' | 'two']++
  t.strictSame(counts, { one: 30, two: 10 })
  writeFileSync(join(folder, 'hosts'), '127.0.0.2 api.test\n')
  server.kill('SIGHUP')
  const began = Date.now()
  await until('two', async () => (await ask(a!)) === 'two')
  t.ok(Date.now() - began < 15_000)
  server.kill('SIGKILL')
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  t.equal(await ask(a!), 'two', 'a server that is away leaves what was found')
})
