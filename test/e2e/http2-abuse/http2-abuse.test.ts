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

t.setTimeout(120_000)

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
  await none(lb)
})

async function none(lb: Lb): Promise<void> {
  const line = /^lb_connections_open\{listener="web".*\} 0$/m
  await until(() => line.test(lb.running.metrics()), 'no connection is left')
}

t.test(
  'who attacks again and again has to wait, and whoever connects from its address does not',
  async (t) => {
    const lb = await attacked(t)
    const port = lb.port('web')
    const heldBack = (how = 'delayed'): number => {
      const line = new RegExp(
        `^lb_http2_connections_held_back_total{listener="web",how="${how}"} (\\d+)$`,
        'm'
      )
      return Number(line.exec(lb.running.metrics())?.[1] ?? 0)
    }
    for (const [at, name] of ['rapid reset', 'malformed requests'].entries()) {
      const from = `127.0.2.${at}`
      const before = heldBack()
      const attackers = Array.from({ length: 2 }, () => new Attacker(port, name, from))
      const attack = attackers.map((one) => one.run(true))
      await until(() => heldBack() >= before + 3, `${name}: the next connections wait`)
      const asked = await Promise.all(Array.from({ length: 24 }, () => askOnce(port, from)))
      t.strictSame(new Set(asked), new Set([200]), 'new connections of the same address are served')
      for (const one of attackers) one.stop()
      await Promise.all(attack)
    }
    t.equal(heldBack('refused'), 0)
    // A connection that an attacker has left may still be counted.
    await none(lb)
    const held = heldBack()
    const bystanders = new Bystanders(port)
    for (let i = 0; i < 8; i++) await bystanders.ask()
    t.equal(bystanders.waits().failed, 0)
    t.equal(heldBack(), held, 'others are not')
    bystanders.close()
  }
)

t.test('after one attack of each kind their address is served at once', async (t) => {
  const lb = await attacked(t)
  const port = lb.port('web')
  const [from, names] = ['127.0.3.1', Object.keys(attacks)]
  for (const name of names) await new Attacker(port, name, from).run(false)
  const ended = /^lb_http2_connection_errors_total{listener="web",code="ENHANCE_YOUR_CALM"} (\d+)$/m
  t.ok(Number(ended.exec(lb.running.metrics())?.[1]) > 3)
  const asked = await Promise.all(Array.from({ length: 40 }, () => askOnce(port, from)))
  t.strictSame(new Set(asked), new Set([200]))
})

/** The status of a request on a connection of its own. */
async function askOnce(port: number, from: string): Promise<unknown> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from })
  const session = connectHttp2('http://a.example', { createConnection: () => socket })
  const stream = session.request({ ':path': '/x' })
  const [head] = (await once(stream, 'response')) as [Record<string, unknown>]
  session.destroy()
  return head[':status']
}
