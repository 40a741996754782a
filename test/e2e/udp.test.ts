import { execFile, execFileSync, spawn } from 'node:child_process'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { udpBackend, udpClient } from '../l4/udp/udp.ts'
import { freePort } from '../free-port.ts'
import { startLb, until } from './servers.ts'

const listener = (udp: object = {}, over: object = {}) => ({
  name: 'dns',
  bind: '127.0.0.1:0',
  mode: 'l4',
  protocol: 'udp',
  pool: 'dns',
  udp,
  ...over
})

function series(text: string, name: string): number {
  let sum = 0
  for (const line of text.split('\n')) if (line.startsWith(name)) sum += Number(line.split(' ').at(-1))
  return sum
}

function names(t: Test, list: readonly string[]) {
  return Promise.all(list.map((name) => udpBackend(t, name)))
}

for (const workers of [0, 2]) {
  t.test(
    `workers ${workers}: sessions hold a client to its backend, and answers come back from the door`,
    async (t) => {
      const backends = await names(t, ['a', 'b', 'c'])
      const lb = await startLb(t, {
        workers,
        listeners: [listener()],
        pools: { dns: { backends: backends.map(({ address }) => address) } }
      })
      const clients = await Promise.all(Array.from({ length: 12 }, () => udpClient(t, lb.port('dns'))))
      const seen = new Set<string>()
      for (const client of clients) {
        const first = await client.ask('one')
        t.match(first, /^[abc]:one$/)
        seen.add(first![0]!)
        t.equal(await client.ask('two'), `${first![0]}:two`)
        t.equal(await client.ask(''), `${first![0]}:`, 'an empty datagram too')
      }
      t.equal(seen.size, 3)
      // A worker counts an answer once it is out, and the client may have it by then.
      const out = 'lb_udp_datagrams_total{listener="dns",direction="out"}'
      await until(() => series(lb.running.metrics(), out) >= 36, 'all answers are counted')
      const text = lb.running.metrics()
      t.equal(series(text, 'lb_connections_open{listener="dns"}'), 12)
      t.equal(series(text, 'lb_udp_datagrams_total{listener="dns",direction="in"}'), 36)
      t.equal(series(text, out), 36)
    }
  )
}

t.test('responses: a session ends when all that was asked is answered, at once', async (t) => {
  const backend = await udpBackend(t, 'a')
  const lb = await startLb(t, {
    workers: 0,
    listeners: [listener({ responses: 1 })],
    pools: { dns: { backends: [backend.address] } }
  })
  const client = await udpClient(t, lb.port('dns'))
  for (let i = 0; i < 5; i++) t.equal(await client.ask(`q${i}`), `a:q${i}`)
  t.equal(series(lb.running.metrics(), 'lb_connections_open{listener="dns"}'), 0)
  t.equal(series(lb.running.metrics(), 'lb_l4_ends_total{listener="dns",reason="answered"}'), 5)
  t.equal(new Set(backend.got.map(({ from }) => from.port)).size, 5, 'a socket for each')
  for (let i = 0; i < 20; i++) client.send(`burst${i}`)
  const answers = new Set<string | undefined>()
  for (let i = 0; i < 20; i++) answers.add(await client.next())
  t.equal(answers.size, 20, 'none is lost that is under way')
  const { pools } = lb.running
  t.equal(pools.get('dns')!.backends[0]!.active, 0)
  t.equal(pools.get('dns')!.backends[0]!.open, 0)
})

t.test('a backend that refuses is left for another, with what was not answered', async (t) => {
  const [dead, good] = await Promise.all([udpBackend(t, 'dead'), udpBackend(t, 'good')])
  dead.close()
  const lb = await startLb(t, {
    workers: 0,
    listeners: [listener()],
    pools: { dns: { backends: [dead.address, good.address], breaker: { failures: 3 } } }
  })
  for (let i = 0; i < 10; i++) {
    const client = await udpClient(t, lb.port('dns'))
    t.equal(await client.ask(`q${i}`), `good:q${i}`)
  }
  t.equal(lb.running.pools.get('dns')!.backends[0]!.breaker, 'open')
  t.ok(lb.lines.some(({ fields }) => fields.code === 'LB_CONNECT_FAILED'))
})

t.test('a backend that dies in the middle loses what was in flight at most', async (t) => {
  const [one, two] = await Promise.all([udpBackend(t, 'one'), udpBackend(t, 'two')])
  const lb = await startLb(t, {
    workers: 2,
    listeners: [listener()],
    pools: { dns: { backends: [one.address, two.address] } }
  })
  const clients = await Promise.all(Array.from({ length: 8 }, () => udpClient(t, lb.port('dns'))))
  for (const client of clients) t.match(await client.ask('x'), /:x$/)
  one.close()
  let lost = 0
  for (let round = 0; round < 3; round++) {
    for (const client of clients) if ((await client.ask(`r${round}`, 500)) !== `two:r${round}`) lost++
  }
  t.ok(lost === 0, `${lost} lost`)
})

t.test('without a backend the datagram is dropped and counted, and nothing is left over', async (t) => {
  const dead = await udpBackend(t, 'dead')
  dead.close()
  const lb = await startLb(t, {
    workers: 0,
    listeners: [listener()],
    pools: { dns: { backends: [dead.address] } }
  })
  const client = await udpClient(t, lb.port('dns'))
  client.send('x')
  await until(
    () => series(lb.running.metrics(), 'lb_udp_dropped_total{listener="dns",reason="unreachable"}') === 1,
    'dropped'
  )
  t.equal(series(lb.running.metrics(), 'lb_connections_open{listener="dns"}'), 0)
  t.equal(lb.running.pools.get('dns')!.backends[0]!.open, 0)
})

t.test('maxSessions is exact over all workers, and idle sessions make room', async (t) => {
  const backend = await udpBackend(t, 'a')
  const lb = await startLb(t, {
    workers: 2,
    listeners: [listener({ maxSessions: 10, idle: '600ms' })],
    pools: { dns: { backends: [backend.address] } }
  })
  const clients = await Promise.all(Array.from({ length: 30 }, () => udpClient(t, lb.port('dns'))))
  const answered = await Promise.all(clients.map((client) => client.ask('x', 400)))
  t.equal(answered.filter((answer) => answer === 'a:x').length, 10)
  await until(() => series(lb.running.metrics(), 'lb_connections_open{listener="dns"}') === 0, 'all idle')
  t.equal(await clients[20]!.ask('again'), 'a:again')
  t.equal(series(lb.running.metrics(), 'lb_l4_ends_total{listener="dns",reason="idle"}'), 10)
})

t.test('amplification bounds what a client is sent', async (t) => {
  const backend = await udpBackend(t, 'a', (text, reply) => reply('y'.repeat(Number(text.trim()))))
  const lb = await startLb(t, {
    workers: 0,
    listeners: [listener({ amplification: 3 })],
    pools: { dns: { backends: [backend.address] } }
  })
  const client = await udpClient(t, lb.port('dns'))
  t.equal((await client.ask('30        '))?.length, 30)
  t.equal(await client.ask('31        ', 300), undefined)
  t.equal(series(lb.running.metrics(), 'lb_udp_dropped_total{listener="dns",reason="amplification"}'), 1)
})

t.test('PROXY v2 goes before the first datagram, with the client in it', async (t) => {
  const backend = await udpBackend(t, 'a', (text, reply) => reply(text.slice(-3)))
  const lb = await startLb(t, {
    workers: 0,
    listeners: [listener()],
    pools: { dns: { backends: [backend.address], proxyProtocol: 'v2' } }
  })
  const client = await udpClient(t, lb.port('dns'))
  t.equal(await client.ask('one'), 'one')
  t.equal(await client.ask('two'), 'two')
  const first = Buffer.from(backend.got[0]!.text, 'latin1')
  t.equal(first.subarray(0, 16).toString('hex'), '0d0a0d0a000d0a515549540a2112000c')
  t.equal(first.readUInt16BE(24), client.port)
  t.equal(backend.got[1]!.text, 'two')
})

t.test('allow, deny and limits per client hold for sessions', async (t) => {
  const backend = await udpBackend(t, 'a')
  const pools = { dns: { backends: [backend.address] } }
  const denied = await startLb(t, { workers: 0, listeners: [listener({}, { deny: ['127.0.0.0/8'] })], pools })
  t.equal(await (await udpClient(t, denied.port('dns'))).ask('x', 200), undefined)
  t.equal(series(denied.running.metrics(), 'lb_connections_refused_total{listener="dns",reason="denied"}'), 1)
  const limited = await startLb(t, {
    workers: 2,
    listeners: [listener({}, { connectionLimit: { perClient: 3 } })],
    pools
  })
  const clients = await Promise.all(Array.from({ length: 8 }, () => udpClient(t, limited.port('dns'))))
  const answers = await Promise.all(clients.map((client) => client.ask('x', 300)))
  t.equal(answers.filter((answer) => answer !== undefined).length, 3)
})

t.test('sessions survive a reload, and move when their backend is gone', async (t) => {
  const [one, two] = await Promise.all([udpBackend(t, 'one'), udpBackend(t, 'two')])
  const config = (backends: string[]) => ({
    workers: 2,
    listeners: [listener()],
    pools: { dns: { backends } }
  })
  const lb = await startLb(t, config([one.address, two.address]))
  const clients = await Promise.all(Array.from({ length: 6 }, () => udpClient(t, lb.port('dns'))))
  const before = await Promise.all(clients.map((client) => client.ask('x')))
  await lb.apply({ ...config([one.address, two.address]), shutdown: { grace: '3s' } })
  t.same(await Promise.all(clients.map((client) => client.ask('x'))), before)
  t.equal(series(lb.running.metrics(), 'lb_connections_total{listener="dns"}'), 6, 'the same sessions')
  await lb.apply(config([two.address]))
  t.same(await Promise.all(clients.map((client) => client.ask('y'))), Array(6).fill('two:y'))
})

for (const udp of [{}, { responses: 1 }]) {
  t.test(
    `${JSON.stringify(udp)}: what was asked is answered when its backend is removed, and when lb stops`,
    async (t) => {
      const held: (() => void)[] = []
      const slow = await udpBackend(t, 'slow', (text, reply) => void held.push(() => reply(`slow:${text}`)))
      const other = await udpBackend(t, 'other')
      const config = (backends: string[]) => ({
        workers: 2,
        listeners: [listener(udp)],
        pools: { dns: { backends } },
        shutdown: { grace: '10s' }
      })
      const lb = await startLb(t, config([slow.address]))
      const [client, busy, last] = await Promise.all([1, 2, 3].map(() => udpClient(t, lb.port('dns'))))
      client!.send('x')
      // Two workers may bring them the other way round.
      await until(() => held.length === 1, 'it is asked')
      busy!.send('y')
      await until(() => held.length === 2, 'both are asked')
      await lb.apply(config([other.address]))
      held.shift()!()
      t.equal(await client!.next(), 'slow:x')
      t.equal(await client!.ask('again'), 'other:again', 'the next question goes to another')
      // One that does not wait for its answer moves at once.
      if (udp.responses === undefined) t.equal(await busy!.ask('z'), 'other:z')
      held.length = 0
      await lb.apply(config([slow.address]))
      last!.send('x')
      await until(() => held.length > 0, 'it is asked')
      const from = performance.now()
      const stopped = lb.running.stop()
      await new Promise((resolve) => setTimeout(resolve, 100))
      for (const answer of held) answer()
      t.equal(await last!.next(), 'slow:x')
      await stopped
      t.ok(performance.now() - from < 9000, 'sessions without a question hold nothing up')
    }
  )
}

t.test(
  'the death of a worker moves no other clients, and new connections wait for the next one',
  async (t) => {
    const backends = await names(t, ['a', 'b', 'c', 'd'])
    const lb = await startLb(
      t,
      {
        workers: 3,
        listeners: [listener()],
        pools: {
          dns: {
            algorithm: 'maglev',
            hash: { key: 'client-ip' },
            backends: backends.map(({ address }) => address)
          }
        }
      },
      { crashable: true }
    )
    const clients = await Promise.all(Array.from({ length: 24 }, () => udpClient(t, lb.port('dns'))))
    const before = await Promise.all(clients.map((client) => client.ask('x')))
    t.notOk(before.includes(undefined))
    const portsBefore = new Map(
      backends.flatMap(({ got }) => got.map(({ text, from }) => [`${text}${from.port}`, from.port]))
    )
    ;(lb.running.planes as unknown as { crash(thread: number, message: string): void }).crash(2, 'test')
    await until(() => lb.lines.some(({ message }) => message.includes('worker died')), 'death')
    // Nobody's datagram is lost: those of the dead one's clients are answered by its replacement.
    t.same(await Promise.all(clients.map((client) => client.ask('x', 10_000))), before)
    const sockets = new Set(backends.flatMap(({ got }) => got.map(({ from }) => from.port)))
    const moved = sockets.size - portsBefore.size
    t.ok(moved > 0 && moved < 24, `${moved} of 24 got a new session`)
  }
)

t.test('a listener of datagrams and one of connections share an address and port', async (t) => {
  const backend = await udpBackend(t, 'a')
  const bind = `127.0.0.1:${await freePort()}`
  const udp = await startLb(t, {
    workers: 0,
    listeners: [listener({}, { bind })],
    pools: { dns: { backends: [backend.address] } }
  })
  const both = await startLb(t, {
    workers: 0,
    listeners: [{ name: 'tcp', bind, mode: 'l4', pool: 'dns' }],
    pools: { dns: { backends: [backend.address] } }
  })
  t.equal(both.port('tcp'), udp.port('dns'))
  await t.rejects(
    startLb(t, {
      workers: 2,
      listeners: [listener({}, { bind })],
      pools: { dns: { backends: [backend.address] } }
    }),
    { message: /in use/ }
  )
})

function has(program: string): false | string {
  try {
    execFileSync('which', [program], { stdio: 'ignore' })
    return false
  } catch {
    return `${program} is not installed`
  }
}

const dns = has('dnsmasq') || has('dig')

t.test(
  'dig asks two real dnsmasqs, of which one ends; probes by a datagram see it',
  { skip: dns },
  async (t) => {
    // dnsmasq listens for connections too: a port that only datagrams find free is not enough.
    const ports = [await freePort(), await freePort()]
    const ended: string[] = []
    const servers = ports.map((port, i) => {
      const args = ['-k', '-p', String(port), '-a', '127.0.0.1', '-R', '-h', '-i', 'lo', '--bind-interfaces']
      const child = spawn(
        'dnsmasq',
        [...args, '-C', '/dev/null', `--address=/name.test/10.0.0.${i + 1}`, '-x', ''],
        { stdio: ['ignore', 'ignore', 'pipe'] }
      )
      let said = ''
      child.stderr.setEncoding('utf8').on('data', (part: string) => (said += part))
      child.once('close', (code) => ended.push(`dnsmasq on ${port} ended with ${code}: ${said}`))
      t.teardown(() => child.kill('SIGKILL'))
      return child
    })
    const query = String.raw`lb\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04name\x04test\x00\x00\x01\x00\x01`
    const lb = await startLb(t, {
      workers: 2,
      listeners: [listener({ responses: 1 })],
      pools: {
        dns: {
          backends: ports.map((port) => `127.0.0.1:${port}`),
          health: { type: 'udp', send: query, expect: 'lb', interval: '100ms', timeout: '500ms', rise: 1 }
        }
      }
    })
    const { backends } = lb.running.pools.get('dns')!
    await until(() => ended.length > 0 || backends.every(({ probe }) => probe === 'up'), 'both are up')
    t.strictSame(ended, [], 'neither ended')
    const dig = promisify(execFile)
    const ask = async () => {
      const args = ['+short', '+tries=1', '+time=2', '@127.0.0.1', '-p', String(lb.port('dns')), 'name.test']
      return (await dig('dig', args)).stdout.trim()
    }
    const seen = new Set<string>()
    for (let i = 0; i < 12; i++) seen.add(await ask())
    t.same([...seen].sort(), ['10.0.0.1', '10.0.0.2'])
    servers[0]!.kill('SIGKILL')
    for (let i = 0; i < 10; i++) t.equal(await ask(), '10.0.0.2')
    await until(() => backends[0]!.probe === 'down', 'it is down')
  }
)
