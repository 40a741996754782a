// nice node test/acme/deaths/long.ts [--names 50] [--retry-after 2] [--limit-every 17] [--challenge http-01]
// 50 names are obtained and renewed from pebble at its worst, while lb is killed at every step.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Test } from 'tap'
import { startPebble } from '../pebble.ts'
import { everyDeath, runDeaths } from './run-deaths.ts'

const { values } = parseArgs({
  options: {
    names: { type: 'string', default: '50' },
    'retry-after': { type: 'string', default: '2' },
    'limit-every': { type: 'string', default: '17' },
    challenge: { type: 'string', default: 'dns-01' },
    minutes: { type: 'string', default: '10' }
  }
})
const folder = mkdtempSync(join(tmpdir(), 'lb-deaths-'))
const endings: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]
const pebble = await startPebble(
  { teardown: (end: () => unknown) => endings.unshift(end) } as unknown as Test,
  {
    env: {
      PEBBLE_VA_NOSLEEP: '0',
      PEBBLE_VA_SLEEPTIME: '3',
      PEBBLE_WFE_NONCEREJECT: '5',
      PEBBLE_AUTHZREUSE: '50'
    }
  }
)
const began = Date.now()
const { starts, left, wrong, invalid, early, counts, warnings } = await runDeaths({
  ...{ folder, pebble, names: Array.from({ length: Number(values.names) }, (_, i) => `n${i}.example.com`) },
  ...everyDeath(),
  challenge: values.challenge as 'dns-01' | 'http-01' | 'tls-alpn-01',
  ...{ retryAfterS: Number(values['retry-after']), limitEvery: Number(values['limit-every']) },
  withinMs: Number(values.minutes) * 60_000,
  onProgress: (line) => console.log(line)
})
console.log(
  `${starts} starts in ${Math.round((Date.now() - began) / 1_000)} s; ${invalid.length} orders that the authority called invalid`
)
console.log([...counts].map(([step, count]) => `${step} ${count}`).join(', '))
for (const line of invalid) console.log(`called invalid: ${line}`)
for (const line of warnings.slice(0, 40)) console.log(line)
for (const line of left) console.error(`not reached: ${line}`)
for (const line of wrong) console.error(line)
for (const line of early) console.error(`early: ${line}`)
for (const end of endings) await end()
process.exit(left.length + wrong.length + early.length === 0 ? 0 : 1)
