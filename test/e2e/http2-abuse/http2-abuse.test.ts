import t from 'tap'
import { httpOrigin, startLb, until } from '../servers.ts'
import { Attacker } from './attacker.ts'
import { attacks } from './attacks.ts'
import { Bystanders } from './bystanders.ts'

// What an attacker on one connection of HTTP/2 does to all others; `long.ts` beside this measures how long they wait.

const BIG = Buffer.alloc(100_000, 'x')

t.test('beside each attack over HTTP/2 all others are answered, and nothing is left of it', async (t) => {
  const origin = await httpOrigin(t, 'a', (request, response) => {
    request.resume()
    request.on('error', () => {})
    request.on('end', () => response.end(request.url === '/big' ? BIG : 'hello'))
  })
  const lb = await startLb(t, {
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
    pools: { web: { backends: [origin.address] } }
  })
  const bystanders = new Bystanders(lb.port('web'))
  t.teardown(() => bystanders.close())
  for (const name of Object.keys(attacks)) {
    const attacker = new Attacker(lb.port('web'), name)
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
