import t from 'tap'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { FakeClock } from '../fakes/fake-clock.ts'
import { Metrics } from '../../src/core/metrics/metrics.ts'
import { catalogue } from '../../src/core/metrics/catalogue.ts'
import type { MetricName, MetricSpec } from '../../src/core/metrics/catalogue.ts'
import { watchEventLoop } from '../../src/core/metrics/event-loop-delay.ts'
import { MetricsHub } from '../../src/core/metrics/hub.ts'
import { collectProcess } from '../../src/core/metrics/process-collector.ts'
import { formatLabels, valueLine, withHead } from '../../src/core/metrics/prometheus.ts'

t.test('a family has HELP, TYPE and one line per series', async (t) => {
  const labels = formatLabels('lb_bytes_total', { direction: 'in', listener: 'web' })
  t.equal(
    withHead('lb_bytes_total', valueLine('lb_bytes_total', labels, 12.5)),
    '# HELP lb_bytes_total Bytes read from clients (in) and written to them (out).\n' +
      '# TYPE lb_bytes_total counter\n' +
      'lb_bytes_total{listener="web",direction="in"} 12.5\n'
  )
})

t.test('a family without series is left out', async (t) => {
  t.equal(withHead('lb_bytes_total', ''), '')
})

t.test('backslash, quote and newline in a label are escaped', async (t) => {
  t.equal(formatLabels('lb_retries_total', { pool: 'a\\b"c\nd' }), 'pool="a\\\\b\\"c\\nd"')
})

t.test('a histogram is cumulative, with +Inf, sum and count', async (t) => {
  const hub = new MetricsHub()
  const source = hub.attach()
  const metrics = new Metrics((announcement) => source.announce(announcement))
  const histogram = metrics.histogram('lb_queue_wait_seconds', { pool: 'p' })
  for (const value of [0.001, 0.002, 0.3, 7]) histogram.observe(value)
  metrics.flush()
  const lines = hub.render().split('\n')
  t.strictSame(
    lines.filter((line) => line.startsWith('lb_queue_wait_seconds')),
    [
      'lb_queue_wait_seconds_bucket{pool="p",le="0.001"} 1',
      'lb_queue_wait_seconds_bucket{pool="p",le="0.005"} 2',
      'lb_queue_wait_seconds_bucket{pool="p",le="0.01"} 2',
      'lb_queue_wait_seconds_bucket{pool="p",le="0.05"} 2',
      'lb_queue_wait_seconds_bucket{pool="p",le="0.1"} 2',
      'lb_queue_wait_seconds_bucket{pool="p",le="0.25"} 2',
      'lb_queue_wait_seconds_bucket{pool="p",le="0.5"} 3',
      'lb_queue_wait_seconds_bucket{pool="p",le="1"} 3',
      'lb_queue_wait_seconds_bucket{pool="p",le="2.5"} 3',
      'lb_queue_wait_seconds_bucket{pool="p",le="5"} 3',
      'lb_queue_wait_seconds_bucket{pool="p",le="+Inf"} 4',
      'lb_queue_wait_seconds_sum{pool="p"} 7.303',
      'lb_queue_wait_seconds_count{pool="p"} 4'
    ]
  )
  t.ok(lines.includes('# TYPE lb_queue_wait_seconds histogram'))
})

t.test('the process tells its processor time, memory, start and descriptors', async (t) => {
  const seen = new Map<string, number>()
  collectProcess((name, _labels, value) => seen.set(name, value))
  t.ok(seen.get('process_cpu_seconds_total')! > 0)
  t.ok(seen.get('process_resident_memory_bytes')! > 1e7)
  t.ok(Math.abs(seen.get('process_start_time_seconds')! - Date.now() / 1e3) < 60)
  if (process.platform === 'linux') {
    t.ok(seen.get('process_open_fds')! > 2)
    t.ok(seen.get('process_max_fds')! >= seen.get('process_open_fds')!)
  }
})

t.test('event-loop delay is published every five seconds, without the period of its own timer', async (t) => {
  const hub = new MetricsHub()
  const source = hub.attach()
  const metrics = new Metrics((announcement) => source.announce(announcement))
  const clock = new FakeClock()
  const stop = watchEventLoop(metrics, '1', clock)
  t.teardown(stop)
  await new Promise((resolve) => setTimeout(resolve, 15))
  const blockedUntil = performance.now() + 60
  while (performance.now() < blockedUntil);
  await new Promise((resolve) => setTimeout(resolve, 25))
  clock.advance(5_000)
  metrics.flush()
  const text = hub.render()
  const worst = Number(/percentile="100"} (\S+)/.exec(text)?.[1])
  t.ok(worst > 0.03 && worst < 1, `worst is ${worst}`)
  t.match(text, /lb_worker_event_loop_delay_seconds{worker="1",percentile="50"} \d/)
})

t.test('docs/metrics.md tells every metric with its type, labels and meaning, and no other', async (t) => {
  const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')
  const rows = [
    ...page.matchAll(/^\| `((?:lb|process)_[a-z_0-9]+)`\s*\| (\w+)\s*\| (.*?)\s*\| (.*?)\s*\|$/gm)
  ].map((match) => match.slice(1))
  const expected = Object.entries<MetricSpec>(catalogue).map(([name, { type, labels, help }]) => [
    name,
    type,
    labels.map((label) => `\`${label}\``).join(', ') || '—',
    help
  ])
  t.strictSame(rows.sort(), expected.sort())
})

const promtool = spawnSync('promtool', ['--version']).error !== undefined && 'promtool is not installed'

t.test('promtool has nothing to say of any metric there is', { skip: promtool }, async (t) => {
  const text = (Object.keys(catalogue) as MetricName[]).map((name) => {
    const { type, labels }: MetricSpec = catalogue[name]
    const series = labels.map((label) => `${label}="x"`).join(',')
    if (type !== 'histogram') return withHead(name, `${name}{${series}} 1\n`)
    const bucket = (le: string) =>
      `${name}_bucket{${[...labels.map((label) => `${label}="x"`), `le="${le}"`].join(',')}} 1\n`
    const rest = `${name}_sum{${series}} 1\n${name}_count{${series}} 1\n`
    return withHead(name, bucket('1') + bucket('+Inf') + rest)
  })
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input: text.join(''),
    encoding: 'utf8'
  })
  t.equal(`${stdout}${stderr}`, '')
  t.equal(status, 0)
})
