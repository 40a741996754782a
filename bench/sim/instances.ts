import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { AlgorithmName } from '../../src/config/model/model.ts'
import { seededRandom } from '../../src/core/random.ts'
import { scenarios } from './backends.ts'
import { curveChart } from './curve-chart.ts'
import { simulateLeases } from './rate-leases.ts'
import { simulate } from './simulate.ts'

// node bench/sim/instances.ts [--seconds 6] [--requests 200000] [--no-images]
// What changes with the number of instances that do not share memory: the tables and charts of docs/scaling.md.
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '6' },
    requests: { type: 'string', default: '200000' },
    images: { type: 'boolean', default: true }
  },
  allowNegative: true
})

const INSTANCES = [1, 10, 100, 1000]
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(`| ${head.join(' | ')} |\n|${head.map(() => '---|').join('')}`)
  for (const row of rows) console.log(`| ${row.join(' | ')} |`)
  console.log()
}

async function draw(name: string, svg: string): Promise<void> {
  if (!values.images) return
  const folder = fileURLToPath(new URL('../../docs/images/', import.meta.url))
  await mkdir(folder, { recursive: true })
  await writeFile(`${folder}scaling-${name}.svg`, svg)
}

async function rateLimits(): Promise<void> {
  console.log(
    'A limit of 10,000/s, twice as much comes; passed / fullest second / questions to Redis per request\n'
  )
  const leases = [0, 0.01, 0.05, 0.2]
  const lines = leases.map((lease) => ({
    label: lease === 0 ? 'exact' : percent(lease),
    points: [] as [number, number][]
  }))
  const rows = INSTANCES.map((instances) => [
    String(instances),
    ...leases.map((lease, i) => {
      const options = { instances, lease, limit: 10_000, load: 2, seconds: Number(values.seconds), seed: 1 }
      const { passed, worst, asked } = simulateLeases(options)
      lines[i]!.points.push([instances, passed * 100])
      return `${percent(passed)} / ${percent(worst)} / ${asked.toFixed(3)}`
    })
  ])
  table(['instances', ...lines.map(({ label }) => label)], rows)
  await draw('leases', curveChart('Requests that pass a shared limit', 'instances', '% of the limit', lines))
}

async function balancing(): Promise<void> {
  const scenario = scenarios[0]!
  console.log(`${scenario.title}; p50 / p99 / p99.9 in ms\n`)
  const names: AlgorithmName[] = ['round-robin', 'random', 'random-two', 'least-connections', 'least-time']
  const lines = names.map((label) => ({ label, points: [] as [number, number][] }))
  const rows = names.map((algorithm, i) => [
    algorithm,
    ...INSTANCES.map((balancers) => {
      const times = simulate(scenario, { algorithm, balancers, requests: Number(values.requests), seed: 1 })
      const at = (quantile: number) => times[Math.min(times.length - 1, Math.floor(times.length * quantile))]!
      lines[i]!.points.push([balancers, at(0.99)])
      return [0.5, 0.99, 0.999].map((quantile) => at(quantile).toFixed(0)).join(' / ')
    })
  ])
  table(['algorithm', ...INSTANCES.map(String)], rows)
  await draw(
    'balancing',
    curveChart('Response times, each instance knows its own requests', 'instances', 'p99, ms', lines)
  )
}

function probes(): void {
  console.log('Probes per second that one backend gets, at an interval of 2 s\n')
  const rows = INSTANCES.map((instances) => [String(instances), String(instances / 2)])
  table(['instances', 'every instance probes'], rows)
}

/** Instances look a name up every TTL, each at its own time; clients of theirs keep an answer for its TTL. */
async function names(): Promise<void> {
  console.log(
    'A name changes; share of instances that still send to the old address, TTL 5 s, resolvers that cache for up to the TTL\n'
  )
  const random = seededRandom(1)
  const count = 10_000
  const late = (ttl: number, levels: number) =>
    Float64Array.from({ length: count }, () => {
      let sum = 0
      for (let level = 0; level < levels; level++) sum += random() * ttl
      return sum
    }).sort()
  const lines = [1, 2, 3].map((levels) => {
    const times = late(5000, levels)
    return {
      label: levels === 1 ? 'asks the authority' : `${levels - 1} cache${levels > 2 ? 's' : ''} between`,
      points: Array.from(
        { length: 31 },
        (_, i) => [i / 2, (100 * times.filter((t) => t > i * 500).length) / count] as [number, number]
      )
    }
  })
  table(
    ['after', ...lines.map(({ label }) => label)],
    [1, 3, 5, 10].map((second) => [
      `${second} s`,
      ...lines.map(({ points }) => `${points[second * 2]![1].toFixed(1)} %`)
    ])
  )
  await draw(
    'names',
    curveChart(
      'A name has changed: who still goes to the old address',
      'seconds',
      '% of instances',
      lines,
      false
    )
  )
}

await rateLimits()
await balancing()
probes()
await names()
