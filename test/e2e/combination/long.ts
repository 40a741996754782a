import { parseArgs } from 'node:util'
import { runWorld } from './world.ts'

// node test/e2e/combination/long.ts --minutes 10 [--seed 1] [--requests 500]
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
    requests: { type: 'string', default: '500' }
  }
})
const until = Date.now() + Number(values.minutes) * 60_000
let failures = 0
let uploads = 0
let requests = 0
for (let seed = Number(values.seed); Date.now() < until; seed++) {
  const result = await runWorld(seed, Number(values.requests))
  uploads += result.uploads
  requests += result.answered
  if (result.wrong.length === 0) continue
  failures++
  console.error(`seed ${seed} (${result.features.join(', ')}):\n  ${result.wrong.slice(0, 5).join('\n  ')}`)
}
console.log(`${requests} answers, ${uploads} uploads, ${failures} worlds with something wrong`)
process.exit(failures === 0 ? 0 : 1)
