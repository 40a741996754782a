import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { algorithms } from '../../src/balancer/algorithms.ts'
import type { AlgorithmName } from '../../src/config/model/model.ts'
import { scenarios } from './backends.ts'
import { simulate } from './simulate.ts'
import { tailChart, type Panel } from './tail-chart.ts'

// node bench/sim/run.ts [--requests 1000000] [--seed 1] [--scenario uneven] [--no-images]
// Simulates every algorithm under one, eight and sixty-four balancers that do not know of each other, prints the
// percentiles, and draws them into docs/images/.
const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    scenario: { type: 'string' },
    images: { type: 'boolean', default: true }
  },
  allowNegative: true
})

const BALANCERS = [1, 8, 64]
const QUANTILES = [0.5, 0.99, 0.999]
// `first` sends all to one backend until that is full, and weighted round robin with equal weights is round robin.
const names = (Object.keys(algorithms) as AlgorithmName[]).filter(
  (name) => name !== 'first' && name !== 'weighted-round-robin'
)

for (const scenario of scenarios) {
  if (values.scenario !== undefined && values.scenario !== scenario.name) continue
  console.log(
    `\n${scenario.title} (${values.requests} requests each, seed ${values.seed}); p50 / p99 / p99.9 in ms\n`
  )
  console.log(`| algorithm | ${BALANCERS.map(balancersText).join(' | ')} |`)
  console.log(`|---|${BALANCERS.map(() => '---|').join('')}`)
  const panels: Panel[] = BALANCERS.map((balancers) => ({ title: balancersText(balancers), lines: [] }))
  for (const algorithm of names) {
    const cells = BALANCERS.map((balancers, i) => {
      const options = { algorithm, balancers, requests: Number(values.requests), seed: Number(values.seed) }
      const times = simulate(scenario, options)
      const at = (quantile: number) => times[Math.min(times.length - 1, Math.floor(times.length * quantile))]!
      panels[i] = { ...panels[i]!, lines: [...panels[i]!.lines, { label: algorithm, points: tail(at) }] }
      return QUANTILES.map((quantile) => at(quantile).toFixed(0)).join(' / ')
    })
    console.log(`| ${algorithm} | ${cells.join(' | ')} |`)
  }
  if (!values.images) continue
  const folder = fileURLToPath(new URL('../../docs/images/', import.meta.url))
  await mkdir(folder, { recursive: true })
  await writeFile(`${folder}sim-${scenario.name}.svg`, tailChart(scenario.title, panels))
}

function balancersText(count: number): string {
  return count === 1 ? '1 balancer' : `${count} balancers`
}

/** Sixty points from p50 to p99.99, even in nines. */
function tail(at: (quantile: number) => number): [number, number][] {
  const [from, to] = [-Math.log10(0.5), 4]
  return Array.from({ length: 60 }, (_, i) => {
    const quantile = 1 - 10 ** -(from + ((to - from) * i) / 59)
    return [quantile, at(quantile)]
  })
}
