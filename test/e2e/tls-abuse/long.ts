// nice node test/e2e/tls-abuse/long.ts [--connections 100000] [--seed 1] [--at-once 48] [--whole 30%] [--collect 0] [--minutes 60]
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runAbuse } from './run-abuse.ts'

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
    'at-once': { type: 'string', default: '48' },
    whole: { type: 'string', default: '30%' },
    collect: { type: 'string', default: '0' },
    minutes: { type: 'string', default: '60' }
  }
})
const folder = mkdtempSync(join(tmpdir(), 'lb-abuse-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const { made, counts, open, descriptors, memory, faults } = await runAbuse({
  ...{ folder, seed: Number(values.seed), connections: Number(values.connections) },
  ...{ atOnce: Number(values['at-once']), whole: parseFloat(values.whole) / 100 },
  collectEveryMs: Number(values.collect),
  ...{ withinMs: Number(values.minutes) * 60_000, lookEvery: 10_000 },
  onProgress: (line) => console.log(line)
})
console.log(
  `seed ${values.seed}: ${made} connections; open ${open}; descriptors ${descriptors.before} then ${descriptors.after}`
)
console.log(`memory in MB after each 10,000: ${memory.join(' ')}`)
console.log([...counts].map(([name, count]) => `${name} ${count}`).join(', '))
for (const fault of faults.slice(0, 20)) console.error(fault)
process.exit(open === 0 && faults.length === 0 ? 0 : 1)
