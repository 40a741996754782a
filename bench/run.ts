/** `npm run bench`: see bench/harness/options.ts for the flags and docs/benchmarking.md for how it measures. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chooseScenarios } from './harness/choose-scenarios.ts'
import { describeMachine } from './harness/machine.ts'
import { parseOptions, usage, UsageError, type Options } from './harness/options.ts'
import type { Results, ScenarioResult } from './harness/results.ts'
import { runScenario, type Setting } from './harness/run-scenario.ts'
import { withSession } from './harness/session.ts'
import { httpLoadTool } from './load/http-load.ts'
import { judge } from './report/goals.ts'
import { cellsOf, formatRatio } from './report/scenario-table.ts'
import { textTable } from './report/text-table.ts'
import type { Scenario } from './scenarios/scenario.ts'
import { scenarios } from './scenarios/scenarios.ts'
import { targets } from './targets/targets.ts'

/** Which of the targets that the scenarios need are here. */
function findTargets(list: readonly Scenario[], options: Options): Pick<Results, 'versions' | 'missing'> {
  const wanted = new Set(list.flatMap(({ contestants }) => contestants.map(({ target }) => target)))
  const versions: Record<string, string> = {}
  const missing: Record<string, string> = {}
  for (const target of Object.values(targets)) {
    if (!wanted.has(target.name) || options.targets?.includes(target.name) === false) continue
    const found = target.find()
    if ('version' in found) versions[target.name] = found.version
    else missing[target.name] = found.cure
  }
  return { versions, missing }
}

async function bench(options: Options): Promise<number> {
  const list = chooseScenarios(options)
  const { versions, missing } = findTargets(list, options)
  const machine = describeMachine()
  for (const [name, cure] of Object.entries(missing))
    console.log(`${name} is not installed, left out: ${cure}`)
  console.log(textTable(Object.entries(versions)))
  if (machine.loadBefore > 0.7 && options.mode !== 'smoke') {
    console.log(
      `This machine is busy already (load ${machine.loadBefore}): trust ratios, not absolute figures.`
    )
  }
  return withSession({ options, targets, missing }, async (setting) => {
    const done: ScenarioResult[] = []
    for (const scenario of list) {
      const result = await runScenario(scenario, setting)
      done.push(result)
      print(result, options)
    }
    if (options.mode !== 'smoke') {
      const { name, rounds, seconds } = options
      const date = new Date().toISOString()
      const load = httpLoadTool()
      const pinned = describePins(setting)
      const results = {
        name,
        date,
        machine,
        load,
        pinned,
        rounds,
        seconds,
        versions,
        missing,
        scenarios: done
      }
      printGoals(results)
      save(results)
    }
    return exitCode(done, options)
  })
}

function describePins({ bench: { pins } }: Setting): string {
  if (pins === undefined) return 'not pinned to cores'
  return `proxy on core ${pins.proxy}, origin on core ${pins.origin}, load on core ${pins.load}`
}

/** Wrong answers of anybody, and in the smoke run an lb that does not run, are failures. */
function exitCode(done: readonly ScenarioResult[], { mode }: Options): number {
  const all = done.flatMap(({ contestants }) => contestants)
  if (all.some(({ wrong }) => wrong === true)) return 1
  const ours = all.filter(({ target }) => target === 'lb')
  const broken = ours.some(
    ({ excluded }) => excluded !== undefined && !excluded.includes('not supported yet')
  )
  return mode === 'smoke' && broken ? 1 : 0
}

function print({ ...result }: ScenarioResult, { mode }: Options): void {
  console.log(`\n${result.name}: ${result.title}`)
  if (result.skipped !== undefined) console.log(`  skipped: ${result.skipped}`)
  else if (mode !== 'smoke') console.log(textTable(cellsOf(result)).replace(/^/gm, '  '))
  for (const { label, excluded, wrong } of result.contestants) {
    if (excluded?.startsWith('not installed') === true) continue
    if (excluded !== undefined)
      console.log(`  ${label}: ${wrong === true ? 'WRONG ANSWER, left out: ' : ''}${excluded}`)
    else if (mode === 'smoke') console.log(`  ${label}: every answer is right`)
  }
}

function printGoals(results: Results): void {
  const rows = judge(results).flatMap(({ text, limit, atLeast, found, met }) =>
    found === undefined
      ? []
      : [
          [
            text,
            `${atLeast === true ? '≥' : '≤'} ${limit}`,
            formatRatio(found),
            met === true ? 'met' : 'MISSED'
          ]
        ]
  )
  if (rows.length > 0) console.log(`\nGoals\n${textTable(rows).replace(/^/gm, '  ')}`)
}

function save(results: Results): void {
  const folder = join(import.meta.dirname, 'results')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${results.date.slice(0, 16).replace(/[:T]/g, '-')}-${results.name}.json`)
  writeFileSync(file, `${JSON.stringify(results, undefined, 1)}\n`)
  console.log(`\nWritten to ${file}\nFor docs/benchmarks.md: node bench/report.ts ${file}`)
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2))
  if (options === 'help') {
    console.log(usage)
    return 0
  }
  if (options === 'list') {
    console.log(textTable(scenarios.map(({ name, title, quick }) => [name, title, quick ? 'quick' : ''])))
    return 0
  }
  return bench(options)
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(error instanceof UsageError ? `${error.message}\n\n${usage}` : error)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
