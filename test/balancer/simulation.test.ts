import t from 'tap'
import { scenarios } from '../../bench/sim/backends.ts'
import { simulate } from '../../bench/sim/simulate.ts'
import type { AlgorithmName } from '../../src/config/model/model.ts'

// What is known of these algorithms must come out of ours: small runs of bench/sim.
const [uneven, oneSlow] = scenarios

function p99(
  scenario: typeof uneven,
  algorithm: AlgorithmName,
  balancers = 1,
  quantile = 0.99,
  requests = 60_000
): number {
  const times = simulate(scenario!, { algorithm, balancers, requests, seed: 5 })
  return times[Math.floor(times.length * quantile)]!
}

t.test('two random choices are far better than one', async (t) => {
  t.ok(p99(uneven, 'random-two') < 0.7 * p99(uneven, 'random'))
})

t.test('with one slow backend looking at load bounds the harm, and least-time is best', async (t) => {
  const leastTime = p99(oneSlow, 'least-time', 1, 0.999, 150_000)
  const leastConnections = p99(oneSlow, 'least-connections', 1, 0.999, 150_000)
  const roundRobin = p99(oneSlow, 'round-robin', 1, 0.999, 150_000)
  t.ok(leastTime < leastConnections, `${leastTime} < ${leastConnections}`)
  t.ok(leastConnections < roundRobin / 10, `${leastConnections} < ${roundRobin} / 10`)
})

t.test(
  'sixty-four balancers that know nothing of each other cost least-connections its lead over two choices',
  async (t) => {
    t.ok(p99(uneven, 'least-connections') <= 1.05 * p99(uneven, 'random-two'))
    t.ok(p99(uneven, 'least-connections', 64) > 1.05 * p99(uneven, 'random-two', 64))
  }
)

t.test('the same seed gives the same run', async (t) => {
  const run = () => simulate(uneven!, { algorithm: 'random-two', balancers: 8, requests: 5_000, seed: 9 })
  t.same(run(), run())
})
