import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../test/free-port.ts'
import { WrongAnswer } from './check-http.ts'
import {
  SkipScenario,
  type Bench,
  type Contestant,
  type Live,
  type Scenario,
  type Stage
} from '../scenarios/scenario.ts'
import { plainWork, type Target, type TargetName } from '../targets/target.ts'
import type { Options } from './options.ts'
import { listening, type Running } from './processes.ts'
import type { Progress } from './progress.ts'
import type { ContestantResult, ScenarioResult } from './results.ts'
import { cpuMicroseconds, memory } from './usage.ts'

type Rounds = Record<string, number | undefined>[]

interface Entry {
  readonly contestant: Contestant
  readonly result: { excluded?: string; wrong?: boolean; command?: string; rounds: Rounds }
  live?: Live
  running?: Running
}

export interface Setting {
  readonly bench: Bench
  readonly options: Options
  readonly targets: Readonly<Partial<Record<TargetName, Target>>>
  readonly missing: Readonly<Record<string, string>>
  readonly folder: string
  readonly progress: Progress
}

/**
 * Starts everything once, checks every answer, warms up, and measures in interleaved rounds: lb, first peer, second
 * peer, and again, so that what the machine does meanwhile falls on all alike.
 */
export async function runScenario(scenario: Scenario, setting: Setting): Promise<ScenarioResult> {
  const { bench, options, progress } = setting
  const { name, title, about, metrics } = scenario
  const head = { name, title, about, metrics }
  try {
    const startedAt = performance.now()
    progress.now(`${name}: starting origins`)
    const stage = await scenario.open(bench)
    const entries = chosen(scenario, options).map((contestant): Entry => ({
      contestant,
      result: { rounds: [] }
    }))
    for (const entry of entries) await prepare(scenario, stage, entry, setting)
    if (options.mode !== 'smoke') await measure(scenario, stage, entries, setting)
    progress.say(`${name}: took ${Math.round((performance.now() - startedAt) / 1000)} s`)
    return { ...head, contestants: entries.map(resultOf) }
  } catch (error) {
    if (!(error instanceof SkipScenario)) throw error
    return { ...head, skipped: error.message, contestants: [] }
  } finally {
    await bench.processes.stopAll()
  }
}

function chosen({ contestants }: Scenario, { targets, mode }: Options): readonly Contestant[] {
  const wanted =
    targets === undefined ? contestants : contestants.filter(({ target }) => targets.includes(target))
  return mode === 'smoke' ? wanted.filter(({ label }, index) => label !== 'direct' && index < 12) : wanted
}

function resultOf({ contestant, result }: Entry): ContestantResult {
  return { label: contestant.label, target: contestant.target, ...result }
}

async function prepare(scenario: Scenario, stage: Stage, entry: Entry, setting: Setting): Promise<void> {
  const { contestant, result } = entry
  const { progress, missing } = setting
  const cure = missing[contestant.target]
  if (cure !== undefined) {
    result.excluded = `not installed: ${cure}`
    return
  }
  try {
    progress.now(`${scenario.name}: ${contestant.label} starts and is checked`)
    result.excluded = await start(scenario, stage, entry, setting)
    if (entry.live !== undefined) await stage.check(entry.live)
  } catch (error) {
    const { message } = error as Error
    entry.live = undefined
    await entry.running?.stop()
    result.excluded = firstLines(message)
    result.wrong = error instanceof WrongAnswer
    progress.say(
      `${scenario.name}: ${contestant.label} is left out. ${result.wrong ? 'WRONG ANSWER: ' : ''}${result.excluded}`
    )
  }
}

/** Why it cannot take part; undefined when it runs. */
async function start(
  scenario: Scenario,
  stage: Stage,
  entry: Entry,
  { bench, targets, folder }: Setting
): Promise<string | undefined> {
  const { label, target: name, work, backends } = entry.contestant
  const given = stage.backends.slice(0, backends)
  if (name === 'direct') {
    entry.live = { label, port: Number(given[0]!.split(':')[1]) }
    return undefined
  }
  const target = targets[name]!
  const full = { ...plainWork, ...work, backends: given }
  const refusal = target.refuses(full)
  if (refusal !== undefined) return refusal

  const own = join(folder, `${scenario.name}-${label.replace(/[^a-z0-9-]/gi, '_')}`)
  mkdirSync(own, { recursive: true })
  const port = await freePort()
  const spec = target.spec(full, port, own)
  entry.result.command = [spec.command, ...spec.args].join(' ').replaceAll(own, '$DIR')
  entry.running = bench.processes.start({
    name: label,
    cpus: scenario.manyCores === true ? undefined : bench.pins?.proxy,
    ...spec
  })
  await listening(entry.running, port, full.mode === 'udp')
  entry.live = { label, port, pid: entry.running.pid }
  return undefined
}

async function measure(
  scenario: Scenario,
  stage: Stage,
  entries: readonly Entry[],
  setting: Setting
): Promise<void> {
  const { options, progress } = setting
  const running = entries.filter((entry) => entry.live !== undefined)
  // A scenario with a number of rounds of its own is about one event, which a warm-up would be already.
  if (scenario.rounds === undefined) {
    for (const entry of running) await warmUp(scenario, stage, entry, setting)
  }
  const rounds = Math.min(options.rounds, scenario.rounds ?? Infinity)
  for (let round = 0; round < rounds; round++) {
    // There and back again: a machine that gets slower or faster meanwhile favours nobody.
    for (const entry of round % 2 === 0 ? running : running.toReversed()) {
      progress.now(
        `${scenario.name}: round ${round + 1} of ${rounds}, ${entry.live!.label} ${shown(entry.result.rounds)}`
      )
      entry.result.rounds.push(await measureOnce(stage, entry, setting))
    }
  }
}

/**
 * Until it has had as much processor time as it would get in the warm-up on a quiet machine: what a JIT compiler has
 * done depends on the work, not on the clock. Four times as long at the most.
 */
async function warmUp(scenario: Scenario, stage: Stage, { live }: Entry, setting: Setting): Promise<void> {
  const { options, progress } = setting
  const used = (): number => (live!.pid === undefined ? Infinity : (cpuMicroseconds(live!.pid) ?? Infinity))
  const wanted = used() + options.warmSeconds * 0.7e6
  for (let spent = 0; used() < wanted && spent < 4 * options.warmSeconds; spent += 1) {
    progress.now(`${scenario.name}: ${live!.label} warms up`)
    await stage.measure(live!, 1).catch(() => undefined)
  }
}

async function measureOnce(
  stage: Stage,
  entry: Entry,
  { options, progress }: Setting
): Promise<Rounds[number]> {
  const { live, contestant } = entry
  const cpu = (): number | undefined => (live!.pid === undefined ? undefined : cpuMicroseconds(live!.pid))
  try {
    const before = cpu()
    const { units, seconds, values } = await stage.measure(live!, options.seconds)
    const after = cpu()
    const used = before === undefined || after === undefined ? undefined : (after - before) / units
    const { pssBytes } = live!.pid === undefined ? {} : memory(live!.pid)
    const pssMb = pssBytes === undefined ? undefined : pssBytes / 2 ** 20
    return { cpu: used, rate: units / seconds, pssMb, ...values }
  } catch (error) {
    progress.say(`${contestant.label}: a round failed: ${firstLines((error as Error).message)}`)
    return {}
  }
}

function shown(rounds: Rounds): string {
  const { rate, cpu } = rounds.at(-1) ?? {}
  return rate === undefined ? '' : `(last ${Math.round(rate)}/s, ${cpu?.toFixed(1) ?? '?'} µs)`
}

function firstLines(text: string): string {
  return text.trim().split('\n').slice(0, 6).join('\n').slice(0, 600)
}
