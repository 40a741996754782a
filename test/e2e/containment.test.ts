import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import { Lease } from '../../src/balancer/pool/lease.ts'
import { Pool } from '../../src/balancer/pool/pool.ts'
import { UpstreamConnection } from '../../src/l7/http1/client/upstream-connection.ts'
import { UpstreamPool } from '../../src/l7/http1/client/upstream-pool.ts'
import { DownstreamConnection } from '../../src/l7/http1/server/downstream-connection.ts'
import { RequestReader } from '../../src/l7/http1/server/request-reader.ts'
import { ResponseWriter } from '../../src/l7/http1/write/message-writer.ts'
import { Exchange } from '../../src/l7/exchange/exchange.ts'
import { Forward } from '../../src/l7/forward/forward.ts'
import { L7Engine } from '../../src/l7/l7-engine.ts'
import { L4Connection } from '../../src/l4/tcp/connection.ts'
import { L4Engine } from '../../src/l4/tcp/l4-engine.ts'
import { Connected } from '../../src/l4/tcp/connected.ts'
import { Reach } from '../../src/l4/tcp/reach.ts'
import { Splice } from '../../src/l4/tcp/splice.ts'
import { hooksOf, metric, settles } from './hooks.ts'
import { httpOrigin, startLb, tcpOrigin } from './servers.ts'

interface Answer {
  readonly status: number
  readonly bytes: number
}

function ask(agent: Agent, port: number, method: string, path: string, body?: string): Promise<Answer> {
  return new Promise((resolve) => {
    const failed = () => resolve({ status: 0, bytes: 0 })
    const sent = request({ agent, port, host: '127.0.0.1', method, path, timeout: 5_000 }, (response) => {
      let bytes = 0
      response.on('data', (chunk: Buffer) => (bytes += chunk.length))
      response.on('end', () => resolve({ status: response.statusCode!, bytes }))
      response.on('error', failed)
    })
    sent.on('error', failed)
    sent.on('timeout', () => sent.destroy())
    sent.end(body)
  })
}

t.test('an exception anywhere in the way of a request ends that one and no other', async (t) => {
  const large = Buffer.alloc(300_000, 'x')
  const origin = await httpOrigin(t, 'one', (incoming, response) => {
    incoming.resume()
    incoming.once('end', () => response.end(incoming.url === '/large' ? large : 'small'))
  })
  const lb = await startLb(t, {
    workers: 0,
    listeners: [
      { name: 'web', mode: 'l7', bind: '127.0.0.1:0', maxConnections: 100, routes: [{ pool: 'a' }] }
    ],
    pools: {
      a: { queue: { max: 100, timeout: '4s' }, backends: [{ address: origin.address, maxConnections: 4 }] }
    }
  })
  const port = lb.port('web')
  const hooks = hooksOf(
    DownstreamConnection,
    RequestReader,
    ResponseWriter,
    Exchange,
    Forward,
    UpstreamConnection,
    UpstreamPool,
    Pool,
    Lease,
    L7Engine
  )
  const untouched = ['onDeadline', 'destroy', 'drain', 'retire', 'destroyIdle', 'update', 'apply', 'compile']
  let armed = 0
  for (const hook of hooks) {
    if (untouched.includes(hook.name)) continue
    const what = `${hook.of}.${hook.name}`
    const before = metric(lb, 'lb_internal_errors_total')
    const disarm = hook.arm((turn) => turn === 5)
    const answers = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 })
        const got: Answer[] = []
        for (const [method, path, body] of [
          ['GET', '/small'],
          ['POST', '/small', 'y'.repeat(100_000)],
          ['GET', '/large'],
          ['GET', '/small']
        ] as const) {
          got.push(await ask(agent, port, method, path, body))
        }
        agent.destroy()
        return got
      })
    )
    const expected = [5, 5, 300_000, 5]
    const whole = answers.flatMap((got) =>
      got.filter(({ status, bytes }, i) => status === 200 && bytes === expected[i])
    )
    // The one that it happened to, and the ones that a kept connection takes with it.
    if (whole.length < 22) t.fail(`${what} costs one exchange: ${JSON.stringify(answers)}`)
    for (const socket of origin.sockets) socket.destroy()
    await settles(t, lb, what)
    const thrown = disarm()
    armed += thrown
    const counted = metric(lb, 'lb_internal_errors_total') - before
    if (counted < thrown) t.fail(`${what} is counted: ${counted} of ${thrown}`)
  }
  t.ok(armed > 50, `${armed} hooks threw`)
  const line = lb.lines.find(({ fields }) => fields.code === 'LB_INTERNAL' && fields.err !== undefined)
  t.match((line?.fields.err as Error).stack, /deliberately in/)
  const one = await ask(new Agent(), port, 'GET', '/small')
  t.equal(one.status, 200)
})

t.test('where no head has gone out the client gets a 500, and the connection closes', async (t) => {
  const origin = await httpOrigin(t, 'one')
  const lb = await startLb(t, {
    workers: 0,
    listeners: [{ name: 'web', mode: 'l7', bind: '127.0.0.1:0', routes: [{ pool: 'a' }] }],
    pools: { a: { backends: [origin.address] } }
  })
  for (const hook of [...hooksOf(Forward), ...hooksOf(Exchange)]) {
    if (!['start', 'onResponse', 'onConnection', 'passHead'].includes(hook.name)) continue
    const disarm = hook.arm(() => true)
    const agent = new Agent({ keepAlive: true })
    const { status } = await ask(agent, lb.port('web'), 'GET', '/')
    const thrown = disarm()
    t.equal(thrown === 0 ? 500 : status, 500, `${hook.of}.${hook.name}`)
    agent.destroy()
    // What is kept would not be dialled for the next.
    for (const socket of origin.sockets) socket.destroy()
    await settles(t, lb, hook.name)
  }
})

t.test('a connection whose onClose throws is counted out, and its waiters are told', async (t) => {
  const origin = await httpOrigin(t, 'one')
  const lb = await startLb(t, {
    workers: 0,
    listeners: [
      {
        name: 'web',
        mode: 'l7',
        bind: '127.0.0.1:0',
        routes: [{ match: { path: '/none' }, pool: 'none' }, { pool: 'a' }]
      }
    ],
    pools: { a: { backends: [origin.address] }, none: { backends: ['127.0.0.1:1'] } }
  })
  const ends = hooksOf(UpstreamConnection, UpstreamPool).filter(({ name }) =>
    ['onClose', 'gone', 'connectFailed'].includes(name)
  )
  for (const { of, name, arm } of ends) {
    for (const [path, expected, call] of [
      ['/', 200, 'gone'],
      ['/none', 502, 'connectFailed']
    ] as const) {
      if (name !== 'onClose' && name !== call) continue
      const disarm = arm(() => true)
      const agent = new Agent({ keepAlive: true })
      const { status } = await ask(agent, lb.port('web'), 'GET', path)
      agent.destroy()
      for (const socket of origin.sockets) socket.destroy()
      await settles(t, lb, `${of}.${name} ${path}`)
      t.equal(disarm(), 1, `${of}.${name} ${path} threw`)
      t.equal(status, expected, `${of}.${name} ${path}`)
    }
  }
})

t.test('an exception anywhere in the way of an L4 connection ends that one and no other', async (t) => {
  const origin = await tcpOrigin(t)
  const lb = await startLb(t, {
    workers: 0,
    listeners: [{ name: 'tcp', mode: 'l4', bind: '127.0.0.1:0', pool: 'a', maxConnections: 100 }],
    pools: {
      a: { queue: { max: 100, timeout: '4s' }, backends: [{ address: origin.address, maxConnections: 4 }] }
    }
  })
  const echo = async (): Promise<boolean> => {
    const socket = connect(lb.port('tcp'), '127.0.0.1')
    socket.on('error', () => {})
    socket.setTimeout(5_000, () => socket.destroy())
    let bytes = 0
    socket.on('data', (chunk: Buffer) => (bytes += chunk.length))
    socket.end(Buffer.alloc(200_000))
    await new Promise((resolve) => socket.once('close', resolve))
    return bytes === 200_000
  }
  let armed = 0
  for (const hook of hooksOf(L4Engine, L4Connection, Reach, Connected, Splice, Pool, Lease)) {
    if (['onDeadline', 'destroy', 'drain', 'apply'].includes(hook.name)) continue
    const what = `${hook.of}.${hook.name}`
    const before = metric(lb, 'lb_internal_errors_total')
    const disarm = hook.arm((turn) => turn === 3)
    const whole = (await Promise.all(Array.from({ length: 12 }, echo))).filter(Boolean)
    if (whole.length < 11) t.fail(`${what} costs one connection: ${12 - whole.length} were cut`)
    await settles(t, lb, what)
    const thrown = disarm()
    armed += thrown
    const counted = metric(lb, 'lb_internal_errors_total') - before
    if (counted < thrown) t.fail(`${what} is counted: ${counted} of ${thrown}`)
  }
  t.ok(armed > 15, `${armed} hooks threw`)
})
