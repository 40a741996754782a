import t from 'tap'
import { FakeClock } from '../fakes/fake-clock.ts'
import { engineRig } from './harness.ts'
import { refusal, testServer } from './sockets.ts'

t.test('a flood of refused connections is a few lines and one that counts the rest', async (t) => {
  const clock = new FakeClock()
  const backend = await testServer(t)
  const listener = { pool: 'p', deny: ['127.0.0.0/8'] }
  const rig = await engineRig(
    t,
    listener,
    { p: { backends: [`127.0.0.1:${backend.port}`] } },
    { clock, level: 'info' }
  )
  for (let i = 0; i < 50; i++) t.equal(await refusal(t, rig.port), 'ECONNRESET')
  t.equal(rig.lines.length, 10)
  clock.advance(1_100)
  t.match(rig.lines.at(-1)?.fields, { listener: 'tcp', code: 'LB_DENIED', reason: 'denied', suppressed: 40 })
  t.equal(rig.metric('lb_connections_refused_total{listener="tcp",reason="denied"}'), 50)
})
