/**
 * `node bench/micro/run.ts [--json] [words…]`: nanoseconds and bytes per operation of the parts that every request goes
 * through. Words choose cases by group or name. Beside it stand bench/micro/pick.ts and bench/micro/router.ts.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { textTable } from '../report/text-table.ts'
import { measure } from './measure.ts'
import type { MicroCase } from './micro-case.ts'

const folder = join(import.meta.dirname, 'cases')

/** A new space of 64 MB keeps collections out of the bytes that are counted. */
const flags = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64']

async function load(): Promise<MicroCase[]> {
  const found: MicroCase[] = []
  for (const file of readdirSync(folder).sort()) {
    const { cases } = (await import(join(folder, file))) as { cases: readonly MicroCase[] }
    found.push(...cases)
  }
  return found
}

async function main(args: readonly string[]): Promise<void> {
  const words = args.filter((arg) => !arg.startsWith('--'))
  const chosen = (await load()).filter(
    ({ group, name }) => words.length === 0 || words.some((word) => `${group} ${name}`.includes(word))
  )
  if (chosen.length === 0) throw new Error(`no case is called ${words.join(' or ')}`)
  const results = []
  for (const { group, name, prepare } of chosen) {
    const { ns, bytes } = measure(prepare(), { batches: 11, batchMs: 20 })
    results.push({ group, name, ns, bytes })
    process.stderr.write('.')
  }
  process.stderr.write('\n')
  if (args.includes('--json')) return console.log(JSON.stringify(results, undefined, 1))
  const rows = results.map(({ group, name, ns, bytes }) => [
    group,
    name.padEnd(50),
    ns.median.toFixed(0),
    `${ns.min.toFixed(0)}–${ns.max.toFixed(0)}`,
    bytes === undefined ? '–' : bytes.toFixed(0)
  ])
  console.log(textTable([['', ''.padEnd(50), 'ns/op', 'batches', 'bytes/op'], ...rows]))
}

if (globalThis.gc === undefined) {
  const args = [...flags, import.meta.filename, ...process.argv.slice(2)]
  process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1
} else await main(process.argv.slice(2))
