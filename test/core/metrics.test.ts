import t from 'tap'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { Metrics } from '../../src/core/metrics/metrics.ts'
import type { MetricsAnnouncement } from '../../src/core/metrics/metrics.ts'
import { MetricsHub } from '../../src/core/metrics/hub.ts'

/** A thread's metrics attached to the hub, as the runtime does it; announcements arrive at once. */
function thread(hub: MetricsHub, maxCells?: number) {
  const source = hub.attach()
  const metrics = new Metrics((announcement) => source.announce(announcement), maxCells)
  return { metrics, source }
}

function lines(hub: MetricsHub, prefix: string): string[] {
  return hub
    .render()
    .split('\n')
    .filter((line) => line.startsWith(prefix))
}

t.test('the same name and labels give the same object', async (t) => {
  const metrics = new Metrics()
  const one = metrics.counter('lb_retries_total', { pool: 'a' })
  t.equal(metrics.counter('lb_retries_total', { pool: 'a' }), one)
  t.not(metrics.counter('lb_retries_total', { pool: 'b' }), one)
})

t.test('series are announced together at the end of the turn, blocks once', async (t) => {
  const announced: MetricsAnnouncement[] = []
  const metrics = new Metrics((announcement) => announced.push(announcement))
  for (let i = 0; i < 5_000; i++) metrics.counter('lb_retries_total', { pool: String(i) })
  t.equal(announced.length, 0)
  await Promise.resolve()
  t.equal(announced.length, 1)
  t.equal(announced[0]!.blocks.length, 2)
  t.equal(announced[0]!.added.length, 5_000)
  metrics.counter('lb_retries_total', { pool: 'later' })
  metrics.flush()
  t.match(announced[1], { blocks: [], added: [{ labels: { pool: 'later' } }] })
})

t.test('the hub sums over threads and keeps what a dead one has counted', async (t) => {
  const hub = new MetricsHub()
  const one = thread(hub)
  const two = thread(hub)
  for (const { metrics } of [one, two]) {
    metrics.counter('lb_connections_total', { listener: 'l' }).add(5)
    metrics.gauge('lb_connections_open', { listener: 'l' }).set(3)
    metrics.histogram('lb_queue_wait_seconds', { pool: 'p' }).observe(0.02)
    metrics.flush()
  }
  t.strictSame(lines(hub, 'lb_connections_'), [
    'lb_connections_total{listener="l"} 10',
    'lb_connections_open{listener="l"} 6'
  ])

  two.source.detach()
  t.strictSame(lines(hub, 'lb_connections_'), [
    'lb_connections_total{listener="l"} 10',
    'lb_connections_open{listener="l"} 3'
  ])
  t.strictSame(lines(hub, 'lb_queue_wait_seconds_count'), ['lb_queue_wait_seconds_count{pool="p"} 2'])

  const heir = thread(hub)
  heir.metrics.counter('lb_connections_total', { listener: 'l' }).add(1)
  heir.metrics.flush()
  one.source.detach()
  t.strictSame(lines(hub, 'lb_connections_'), ['lb_connections_total{listener="l"} 11'])
})

t.test(
  'what forget names goes from every thread, its memory is used again, and late writes go nowhere',
  async (t) => {
    const hub = new MetricsHub()
    const threads = [thread(hub), thread(hub)]
    const held = threads.map(({ metrics }) => {
      const counter = metrics.counter('lb_retries_total', { pool: 'old' })
      counter.add(7)
      metrics.flush()
      return counter
    })
    for (const { metrics } of threads) {
      t.equal(
        metrics.forget((labels) => labels.pool === 'old'),
        1
      )
      metrics.flush()
    }
    t.strictSame(lines(hub, 'lb_retries_total{'), [])

    const announced: MetricsAnnouncement[] = []
    const metrics = new Metrics((announcement) => announced.push(announcement))
    metrics.counter('lb_retries_total', { pool: 'a' }).add(9)
    metrics.forget(() => true)
    const reused = metrics.counter('lb_retries_total', { pool: 'b' })
    held[0]!.add(100)
    reused.add(1)
    metrics.flush()
    const { block, offset } = announced[0]!.added.at(-1)!
    t.equal(offset, 0)
    t.equal(new Float64Array(announced[0]!.blocks[block]!)[offset], 1)
  }
)

t.test('a series that one thread still has does not go down when another forgets it', async (t) => {
  const hub = new MetricsHub()
  const one = thread(hub)
  const two = thread(hub)
  for (const { metrics } of [one, two]) {
    metrics.counter('lb_retries_total', { pool: 'p' }).add(2)
    metrics.flush()
  }
  one.metrics.forget(() => true)
  one.metrics.flush()
  t.strictSame(lines(hub, 'lb_retries_total{'), ['lb_retries_total{pool="p"} 4'])
  two.source.detach()
  hub.forget((labels) => labels.pool === 'p')
  t.strictSame(lines(hub, 'lb_retries_total{'), [])
})

t.test('a thread that holds too many series refuses more and says how many', async (t) => {
  const hub = new MetricsHub()
  const { metrics } = thread(hub, 4096)
  for (let i = 0; i < 4100; i++) metrics.counter('lb_retries_total', { pool: String(i) }).add(1)
  metrics.flush()
  t.equal(lines(hub, 'lb_retries_total{').length, 4096)
  t.strictSame(lines(hub, 'lb_metrics_dropped_series'), ['lb_metrics_dropped_series 4'])
})

t.test('collected samples are added to what threads counted', async (t) => {
  const hub = new MetricsHub()
  const { metrics } = thread(hub)
  metrics.gauge('lb_backend_open', { pool: 'p', backend: 'a' }).set(2)
  metrics.flush()
  hub.collect((sample) => sample('lb_backend_open', { pool: 'p', backend: 'a' }, 1))
  hub.collect((sample) => sample('lb_backend_up', { pool: 'p', backend: 'a' }, 1))
  t.strictSame(lines(hub, 'lb_backend_open'), ['lb_backend_open{pool="p",backend="a"} 3'])
  t.strictSame(lines(hub, 'lb_backend_up'), ['lb_backend_up{pool="p",backend="a"} 1'])
})

const COUNTING_WORKER = `
  const { parentPort } = require('node:worker_threads')
  import(${JSON.stringify(new URL('../../src/core/metrics/metrics.ts', import.meta.url))}).then(({ Metrics }) => {
    const metrics = new Metrics((announcement) => parentPort.postMessage(announcement))
    const counter = metrics.counter('lb_retries_total', { pool: 'p' })
    metrics.flush()
    for (let i = 0; i < 1e6; i++) counter.add()
    parentPort.postMessage('counted')
    parentPort.once('message', () => parentPort.close())
  })`

t.test('counts of a real worker thread arrive while it runs and stay when it is gone', async (t) => {
  const hub = new MetricsHub()
  const source = hub.attach()
  const worker = new Worker(COUNTING_WORKER, { eval: true })
  t.teardown(() => worker.terminate())
  const exited = once(worker, 'exit')
  const [announcement] = (await once(worker, 'message')) as [MetricsAnnouncement]
  source.announce(announcement)
  await once(worker, 'message')
  t.strictSame(lines(hub, 'lb_retries_total{'), ['lb_retries_total{pool="p"} 1000000'])
  worker.postMessage('end')
  await exited
  source.detach()
  t.strictSame(lines(hub, 'lb_retries_total{'), ['lb_retries_total{pool="p"} 1000000'])
})
