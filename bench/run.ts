/** `npm run bench`: see bench/harness/options.ts for the flags and docs/benchmarks.md for how to read the figures. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeMachine } from './harness/machine.ts'
import { parseOptions, usage, UsageError, type Options } from './harness/options.ts'
import { detectPins } from './harness/pins.ts'
import { Processes } from './harness/processes.ts'
import { Progress } from './harness/progress.ts'
import type { Results, ScenarioResult } from './harness/results.ts'
import { runScenario, type Setting } from './harness/run-scenario.ts'
import { httpLoadTool } from './load/http-load.ts'
import { Origins } from './origins/origins.ts'
import { cellsOf } from './report/scenario-table.ts'
import { textTable } from './report/text-table.ts'
import type { Scenario } from './scenarios/scenario.ts'
import { notYet, scenarios } from './scenarios/scenarios.ts'
import { targets } from './targets/targets.ts'
import type { TargetName } from './targets/target.ts'

function chooseScenarios(options: Options): readonly Scenario[] {
  if (options.scenarios.length > 0) {
    return options.scenarios.map((name) => {
      const found = scenarios.find((scenario) => scenario.name === name)
      if (found === undefined) {
        throw new UsageError(
          `--scenario: there is no "${name}"; there are ${scenarios.map((s) => s.name).join(', ')}`
        )
      }
      return found
    })
  }
  if (options.mode === 'smoke') return scenarios.filter(({ smoke }) => smoke === true)
  return options.mode === 'quick' ? scenarios.filter(({ quick }) => quick) : scenarios
}

/** Which of the targets that the scenarios need are here. */
function findTargets(wanted: ReadonlySet<TargetName>): Pick<Results, 'versions' | 'missing'> {
  const versions: Record<string, string> = {}
  const missing: Record<string, string> = {}
  for (const name of wanted) {
    const found = targets[name].find()
    if ('version' in found) versions[name] = found.version
    else missing[name] = found.cure
  }
  return { versions, missing }
}

async function bench(options: Options): Promise<number> {
  const progress = new Progress()
  const list = chooseScenarios(options)
  const wanted = new Set(list.flatMap(({ contestants }) => contestants.map(({ target }) => target)))
  const { versions, missing } = findTargets(
    new Set([...wanted].filter((name) => options.targets?.includes(name) ?? true))
  )
  const machine = describeMachine()
  const pins = options.pin ? detectPins() : undefined
  for (const [name, cure] of Object.entries(missing))
    progress.say(`${name} is not installed and left out: ${cure}`)
  for (const version of Object.values(versions)) progress.say(`  ${version}`)
  if (machine.loadBefore > 0.7 && options.mode !== 'smoke') {
    progress.say(
      `The machine is busy already (load ${machine.loadBefore}): trust ratios, not absolute figures.`
    )
  }

  const folder = mkdtempSync(join(tmpdir(), 'lb-bench-'))
  // Varnish gives up root and must still be able to read what is written here.
  chmodSync(folder, 0o755)
  const processes = new Processes()
  const origins = new Origins(processes, pins, folder)
  const setting: Setting = {
    bench: { processes, origins, pins, quick: options.mode !== 'full' },
    options,
    targets,
    missing,
    folder,
    progress
  }
  const done: ScenarioResult[] = []
  try {
    for (const scenario of list) {
      const result = await runScenario(scenario, setting)
      done.push(result)
      print(result, options)
    }
  } finally {
    await processes.stopAll()
    processes.killAll()
    rmSync(folder, { recursive: true, force: true })
  }
  if (options.mode !== 'smoke') {
    save({
      name: options.name,
      date: new Date().toISOString(),
      machine,
      load: httpLoadTool(),
      pinned:
        pins === undefined
          ? 'not pinned'
          : `proxy on core ${pins.proxy}, origin on ${pins.origin}, load on ${pins.load}`,
      rounds: options.rounds,
      seconds: options.seconds,
      versions,
      missing,
      scenarios: done
    })
  }
  return exitCode(done, options)
}

/** Wrong answers of anybody, and in the smoke run an lb that does not run, are failures. */
function exitCode(done: readonly ScenarioResult[], { mode }: Options): number {
  const all = done.flatMap(({ contestants }) => contestants)
  if (all.some(({ wrong }) => wrong === true)) return 1
  const ours = all.filter(({ target }) => target === 'lb')
  const broken = ours.some(
    ({ excluded }) => excluded !== undefined && !excluded.includes('not supported yet')
  )
  return mode === 'smoke' && (broken || ours.length === 0) ? 1 : 0
}

function print(result: ScenarioResult, { mode }: Options): void {
  console.log(`\n${result.name}: ${result.title}`)
  if (result.skipped !== undefined) console.log(`  skipped: ${result.skipped}`)
  else if (mode === 'smoke') {
    for (const { label, excluded } of result.contestants) {
      console.log(`  ${label}: ${excluded === undefined ? 'every answer is right' : excluded}`)
    }
    return
  } else console.log(textTable(cellsOf(result)).replace(/^/gm, '  '))
  for (const { label, excluded, wrong } of result.contestants) {
    if (excluded !== undefined)
      console.log(`  ${label}: ${wrong === true ? 'WRONG ANSWER, left out: ' : ''}${excluded}`)
  }
}

function save(results: Results): void {
  const folder = join(import.meta.dirname, 'results')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${results.date.slice(0, 16).replace(/[:T]/g, '-')}-${results.name}.json`)
  writeFileSync(file, `${JSON.stringify(results, undefined, 1)}\n`)
  console.log(`\nWritten to ${file}. For docs/benchmarks.md: node bench/report.ts ${file}`)
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2))
  if (options === 'help') {
    console.log(usage)
    return 0
  }
  if (options === 'list') {
    console.log(textTable(scenarios.map(({ name, title, quick }) => [name, title, quick ? 'quick' : ''])))
    for (const { name, reason } of notYet) console.log(`${name}: not yet, ${reason}`)
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
