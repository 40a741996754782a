import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { httpOrigin, startLb, until, type Lb } from '../servers.ts'
import { Attacker } from './attacker.ts'
import { attacks } from './attacks.ts'
import { Bystanders } from './bystanders.ts'

// What an attacker on one connection of HTTP/2 does to all others; `long.ts` beside this measures how long they wait.

const BIG = Buffer.alloc(100_000, 'x')

async function attacked(t: Test): Promise<Lb> {
  const origin = await httpOrigin(t, 'a', (request, response) => {
    request.resume()
    request.on('error', () => {})
    request.on('end', () => response.end(request.url === '/big' ? BIG : 'hello'))
  })
  return startLb(t, {
    workers: 1,
    listeners: [
      {
        name: 'web',
        bind: '127.0.0.1:0',
        mode: 'l7',
        protocols: ['h2', 'http/1.1'],
        routes: [{ match: { path: '/none' }, respond: { status: 404 } }, { pool: 'web' }]
      }
    ],
    // The origin shares this thread with the attackers, and is slow where the machine is.
    pools: { web: { backends: [origin.address], timeouts: { connect: '30s', idle: '60s' } } }
  })
}

t.test('beside each attack over HTTP/2 all others are answered, and nothing is left of it', async (t) => {
  const lb = await attacked(t)
  const bystanders = new Bystanders(lb.port('web'))
  t.teardown(() => bystanders.close())
  for (const [at, name] of Object.keys(attacks).entries()) {
    const attacker = new Attacker(lb.port('web'), name, `127.0.1.${at}`)
    await Promise.all([attacker.run(false), ...Array.from({ length: 8 }, async () => bystanders.ask())])
    t.equal(bystanders.waits().failed, 0, name)
  }
  t.ok(Object.keys(attacks).length >= 25)
  bystanders.close()
  await until(
    () => lb.running.metrics().includes('\nlb_http2_streams_open{listener="web"} 0\n'),
    'no stream is left'
  )
  await until(
    () => /^lb_connections_open\{listener="web".*\} 0$/m.test(lb.running.metrics()),
    'no connection is left'
  )
})

t.test(
  'who connects again after each attack is held back, and whoever shares its address is served',
  async (t) => {
    const lb = await attacked(t)
    const port = lb.port('web')
    const heldBack = (): number =>
      Number(
        /^lb_http2_connections_held_back_total\{listener="web",how="delayed"\} (\d+)$/m.exec(
          lb.running.metrics()
        )?.[1] ?? 0
      )
    for (const [at, name] of ['rapid reset', 'DATA of one octet'].entries()) {
      const from = `127.0.2.${at}`
      const before = heldBack()
      const attacker = new Attacker(port, name, from)
      const attack = attacker.run(true)
      await until(() => heldBack() >= before + 3, `${name}: the next connections wait`)
      const socket = connect({ port, host: '127.0.0.1', localAddress: from })
      const session = connectHttp2('http://a.example', { createConnection: () => socket })
      const stream = session.request({ ':path': '/x' })
      const [head] = (await once(stream, 'response')) as [Record<string, unknown>]
      t.equal(head[':status'], 200)
      t.equal(session.remoteSettings.maxConcurrentStreams, 16)
      session.destroy()
      attacker.stop()
      await attack
    }
    const held = heldBack()
    const bystanders = new Bystanders(port)
    for (let i = 0; i < 8; i++) await bystanders.ask()
    t.equal(bystanders.waits().failed, 0)
    t.equal(heldBack(), held, 'others are not')
    bystanders.close()
  }
)
