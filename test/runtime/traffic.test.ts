import t from 'tap'
import { MetricsHub } from '../../src/core/metrics/hub.ts'
import { Metrics } from '../../src/core/metrics/metrics.ts'
import { Traffic } from '../../src/runtime/control/traffic.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

t.test('rates are of the last five to ten seconds, totals of all time', async (t) => {
  const clock = new FakeClock()
  const hub = new MetricsHub()
  const source = hub.attach()
  const metrics = new Metrics((announcement) => source.announce(announcement))
  const traffic = new Traffic({ clock, hub, pools: () => [] })
  t.teardown(() => traffic.close())
  const [one, two] = ['a', 'b'].map((route) => metrics.counter('lb_requests_total', { listener: 'web', route }))
  const bytes = metrics.counter('lb_bytes_total', { listener: 'web', direction: 'out' })
  metrics.flush()
  one!.add(30)
  two!.add(10)
  bytes.add(4_000)
  clock.advance(4_000)
  t.match(traffic.listener('web', 'http'), { requests: 40, bytesOut: 4_000, bytesIn: 0, perSecond: { requests: 10, bytesOut: 1_000 } })
  t.notOk('requests' in traffic.listener('db', 'tcp'))
  clock.advance(20_000)
  t.match(traffic.listener('web', 'http'), { requests: 40, perSecond: { requests: 0, bytesOut: 0 } })
  one!.add(100)
  clock.advance(3_000)
  const { requests } = traffic.listener('web', 'http').perSecond
  t.ok(requests! >= 10 && requests! <= 20, String(requests))
}) // prettier-ignore
