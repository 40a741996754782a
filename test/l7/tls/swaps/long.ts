// node test/l7/tls/swaps/long.ts [--swaps 100] [--every 1500] [--manner link] [--workers 2] [--connections 8]
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { MANNERS } from './put-in.ts'
import { runSwaps } from './run-swaps.ts'

const { values } = parseArgs({
  options: {
    swaps: { type: 'string', default: '100' },
    manner: { type: 'string' },
    every: { type: 'string', default: '1500' },
    workers: { type: 'string', default: '2' },
    connections: { type: 'string', default: '8' }
  }
})
const folder = mkdtempSync(join(tmpdir(), 'lb-swaps-'))
const report = await runSwaps({
  folder,
  manners: MANNERS.filter((manner) => values.manner === undefined || manner === values.manner),
  ...{ swaps: Number(values.swaps), everyMs: Number(values.every) },
  ...{ workers: Number(values.workers), connections: Number(values.connections) }
})
rmSync(folder, { recursive: true, force: true })
const { handshakes, errors, lags, unseen, offered, resumed } = report
const sorted = [...lags].sort((a, b) => a - b)
const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
console.log(
  `${lags.length} swaps, ${handshakes} handshakes, ${errors.length} failed, ${unseen} swaps not seen; ` +
    `the old certificate for ${at(0.5)} ms (median), ${at(0.95)} (95 %), ${sorted.at(-1)} at most; ` +
    `${resumed} of ${offered} sessions resumed`
)
if (errors.length > 0) console.error([...new Set(errors)].slice(0, 10).join('\n'))
process.exit(errors.length === 0 && unseen === 0 ? 0 : 1)
