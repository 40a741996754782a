import t from 'tap'
import { RetryBudget } from '../../../src/l7/forward/retry/attempts.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'
import { answering, eventually, get, labOf, OK, rawBackend, startLab } from './lab.ts'

t.test('thousands of hop-by-hop fields are too many, whatever the limit says', async (t) => {
  const backend = await rawBackend(answering(() => OK))
  t.teardown(() => backend.close())
  const lab = await labOf([backend], { listener: { limits: { headBytes: '64kb', headerCount: 5000 } } })
  t.teardown(() => lab.close())
  const client = await lab.client()
  client.send(get('/', 'Keep-Alive: a\r\n'.repeat(1500)))
  t.match(await client.end(), /^HTTP\/1.1 431 /)
})

t.test('the retry budget knows the requests that came before the outage', (t) => {
  const clock = new FakeClock()
  const time = {
    get now() {
      return clock.now()
    }
  }
  const budget = new RetryBudget(0.2, time)
  for (let second = 0; second < 60; second++) {
    for (let i = 0; i < 100; i++) budget.request()
    clock.advance(1000)
  }
  let retries = 0
  while (budget.tryRetry()) retries++
  t.ok(retries >= 200 && retries <= 400, `${retries} for ten to twenty seconds of 100 requests`)
  const quiet = new RetryBudget(0.2, time)
  quiet.request()
  for (let i = 0; i < 30; i++) t.ok(quiet.tryRetry(), 'a quiet service has thirty in ten seconds')
  t.notOk(quiet.tryRetry())
  t.end()
})

t.test('limits of a route hold although the listener’s are higher', async (t) => {
  const backend = await rawBackend(answering(() => OK))
  t.teardown(() => backend.close())
  const lab = await startLab({
    listeners: [
      {
        name: 'web',
        bind: '127.0.0.1:0',
        mode: 'l7',
        routes: [
          {
            name: 'short',
            match: { pathPrefix: '/short/' },
            pool: 'web',
            limits: { urlBytes: '20b', headerCount: 3 }
          },
          {
            name: 'moved',
            match: { path: '/moved' },
            redirect: { to: '/x', status: 302 },
            headers: { response: { set: { 'X-Why': 'moved' } } }
          },
          { name: 'rest', match: {}, pool: 'web' }
        ]
      }
    ],
    pools: { web: { backends: [backend.address] } }
  })
  t.teardown(() => lab.close())
  const client = await lab.client()
  client.send(get('/short/' + 'a'.repeat(30)) + get('/short/a', 'A: 1\r\nB: 1\r\nC: 1\r\n') + get('/moved'))
  await client.text('X-Why: moved')
  t.match(client.received, /^HTTP\/1.1 414 [^]*HTTP\/1.1 431 [^]*HTTP\/1.1 302 /)
})

t.test('the access log tells of retries', async (t) => {
  const dead = await rawBackend(() => {})
  await dead.close()
  const backend = await rawBackend(answering(() => OK))
  t.teardown(() => backend.close())
  const lab = await labOf([dead, backend], { listener: { accessLog: true }, pool: { breaker: false } })
  t.teardown(() => lab.close())
  for (let i = 0; i < 2; i++) {
    const client = await lab.client()
    client.send(get())
    await client.text('ok')
  }
  await eventually(() => lab.log.lines.some(({ fields }) => fields.retries === 1), 'a line with retries')
})

t.test('idle and busy upstream connections are distinguished', async (t) => {
  const waiting: (() => void)[] = []
  const backend = await rawBackend((connection) =>
    connection.socket.on('data', () => waiting.push(() => connection.send(OK)))
  )
  t.teardown(() => backend.close())
  const lab = await labOf([backend])
  t.teardown(() => lab.close())
  const gauge = (state: string) => lab.metrics.gauge('lb_upstream_connections', { pool: 'web', state })
  const value = (state: string): number => {
    const cell = gauge(state) as unknown as { values: Float64Array; at: number }
    return cell.values[cell.at]!
  }
  const client = await lab.client()
  client.send(get())
  await eventually(() => waiting.length === 1, 'at the backend')
  t.same([value('idle'), value('busy')], [0, 1])
  waiting.shift()!()
  await client.text('ok')
  await eventually(() => value('idle') === 1 && value('busy') === 0, 'idle')
  backend.connections[0]!.socket.destroy()
  await eventually(() => value('idle') === 0 && value('busy') === 0, 'gone')
})
