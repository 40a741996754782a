/**
 * `npm run profile -- <scenario> [--duration s] [--top n] [--nice n]`: lb under a scenario's load with the CPU profiler on. Prints
 * where the time goes and leaves a .cpuprofile for a flame graph. See docs/profiling.md.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { freePort } from '../test/free-port.ts'
import { scenarioNamed } from './harness/choose-scenarios.ts'
import { parseOptions, UsageError, type Options } from './harness/options.ts'
import { listening } from './harness/processes.ts'
import type { Setting } from './harness/run-scenario.ts'
import { withSession } from './harness/session.ts'
import { selfTimes, type CpuProfile } from './report/self-times.ts'
import { textTable } from './report/text-table.ts'
import type { Scenario } from './scenarios/scenario.ts'
import { lbIn } from './targets/lb.ts'
import { plainWork } from './targets/target.ts'

const root = join(import.meta.dirname, '..')

/** Profiles one run of the scenario's first lb, and returns the profile file of its busiest thread. */
async function record(
  scenario: Scenario,
  { bench, folder, options, progress }: Setting
): Promise<{ file: string; since: number }> {
  const contestant = scenario.contestants.find(({ target }) => target === 'lb')!
  const stage = await scenario.open(bench)
  const work = { ...plainWork, ...contestant.work, backends: stage.backends.slice(0, contestant.backends) }
  const profiles = join(folder, 'profiles')
  mkdirSync(profiles)
  const target = lbIn(root, ['--cpu-prof', `--cpu-prof-dir=${profiles}`, '--cpu-prof-interval=200'])
  const port = await freePort()
  const lb = bench.processes.start({
    name: 'lb',
    cpus: bench.pins?.proxy,
    ...target.spec(work, port, folder)
  })
  await listening(lb, port, work.mode === 'udp')
  const live = { label: contestant.label, port, pid: lb.pid }
  await stage.check(live)
  progress.say(`${scenario.name}: ${options.seconds} s of load on ${contestant.label}`)
  const since = Number(process.hrtime.bigint() / 1000n)
  const { units, seconds } = await stage.measure(live, options.seconds)
  progress.say(`${Math.round(units / seconds)} a second, with the profiler on`)
  // The profile is written when the process ends by itself, so it gets more time than stop() would give it.
  process.kill(lb.pid, 'SIGTERM')
  for (let tries = 0; lb.alive && tries < 100; tries++) await wait(100)

  const files = readdirSync(profiles).map((file) => join(profiles, file))
  if (files.length === 0) throw new Error(`lb left no profile. It wrote: ${lb.tail.trim()}`)
  const byWork = files.map((file) => ({ file, busy: busyOf(file, since) })).sort((a, b) => b.busy - a.busy)
  return { file: byWork[0]!.file, since }
}

function busyOf(file: string, since: number): number {
  return selfTimes(readProfile(file), root, since).reduce((sum, { microseconds }) => sum + microseconds, 0)
}

function readProfile(file: string): CpuProfile {
  return JSON.parse(readFileSync(file, 'utf8')) as CpuProfile
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { duration: { type: 'string' }, top: { type: 'string' }, nice: { type: 'string' } }
  })
  const scenario = scenarioNamed(positionals[0] ?? 'l7-get')
  const nice = values.nice === undefined ? [] : [`--nice=${values.nice}`]
  const options = parseOptions(['--duration', values.duration ?? '5', ...nice]) as Options
  const { kept, since } = await withSession({ options, targets: {}, missing: {} }, async (setting) => {
    const { file, since } = await record(scenario, setting)
    const kept = join(root, `${scenario.name}.cpuprofile`)
    copyFileSync(file, kept)
    return { kept, since }
  })
  const rows = selfTimes(readProfile(kept), root, since)
    .slice(0, Number(values.top ?? 30))
    .map(({ name, place, microseconds, share }) => [
      name,
      place.padEnd(60),
      `${(share * 100).toFixed(1)} %`,
      `${(microseconds / 1000).toFixed(0)} ms`
    ])
  console.log(textTable([['function', 'where'.padEnd(60), 'share', 'self'], ...rows]))
  console.log(
    `\nThe flame graph: open ${kept} in the performance panel of Chrome's developer tools or speedscope.app`
  )
}

try {
  await main()
} catch (error) {
  console.error(error instanceof UsageError ? error.message : error)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
