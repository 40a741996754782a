import t from 'tap'
import { firstProbeAfter, untilNextProbe } from '../../src/health/schedule.ts'
import { judge, UNKNOWN, type Standing } from '../../src/health/thresholds.ts'
import { probeConfig } from './fixtures.ts'

const config = { rise: 2, fall: 3, intervalMs: 5000 }

/** States after each of a row of results, `everyMs` apart. */
function run(results: string, everyMs = 1000): string {
  let standing: Standing = UNKNOWN
  return [...results]
    .map((result, i) => {
      standing = judge(standing, result === '+', config, i * everyMs)
      return standing.state === 'up' ? 'U' : 'd'
    })
    .join('')
}

t.test('the first verdict is taken at once', async (t) => {
  t.equal(run('+'), 'U')
  t.equal(run('-'), 'd')
})

t.test('down after fall failures in a row, up after rise successes in a row', async (t) => {
  t.equal(run('+--+---'), 'UUUUUUd')
  t.equal(run('+---+-++'), 'UUUddddU')
})

t.test(
  'a backend that relapses soon after recovering needs twice as long each time, up to eight times',
  async (t) => {
    let standing: Standing = UNKNOWN
    let now = 0
    const until = (passed: boolean, state: string): number => {
      for (let count = 1; ; count++) {
        standing = judge(standing, passed, config, (now += 1000))
        if (standing.state === state) return count
      }
    }
    until(true, 'up')
    const rises = Array.from({ length: 6 }, () => {
      until(false, 'down')
      return until(true, 'up')
    })
    t.same(rises, [2, 4, 8, 16, 16, 16])
    now += 60_000
    until(false, 'down')
    t.equal(until(true, 'up'), 2, 'a minute up and it is forgotten')
  }
)

t.test('a backend that flaps every second changes state no more than a few times a minute', async (t) => {
  for (const phase of [0.1, 0.35, 0.6, 0.85]) {
    let standing: Standing = UNKNOWN
    let changes = 0
    const random = () => phase
    const probe = probeConfig()
    for (let now = phase * 1000; now < 300_000; now += untilNextProbe(standing, probe, random)) {
      const before = standing.state
      standing = judge(standing, Math.floor(now / 1000) % 2 === 0, probe, now)
      if (standing.state !== before) changes++
    }
    t.ok(changes <= 15, `${changes} changes in five minutes`)
  }
})

t.test('jitter only shortens, and a state in doubt is probed one timeout later', async (t) => {
  const probe = probeConfig()
  t.equal(
    untilNextProbe({ ...UNKNOWN, state: 'up' }, probe, () => 0),
    5000
  )
  t.equal(
    untilNextProbe({ ...UNKNOWN, state: 'up' }, probe, () => 1),
    4500
  )
  t.equal(
    untilNextProbe({ ...UNKNOWN, state: 'up', streak: 1 }, probe, () => 0),
    2000
  )
  t.equal(
    untilNextProbe({ ...UNKNOWN, state: 'down' }, probe, () => 0),
    1000
  )
})

t.test('first probes start at once for a few backends and over one interval for thousands', async (t) => {
  t.same(
    [0, 1, 2].map((i) => firstProbeAfter(i, 3, 5000)),
    [0, 5, 10]
  )
  t.equal(firstProbeAfter(9999, 10_000, 5000), 4999.5)
})
