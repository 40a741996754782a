/**
 * `node bench/compare.ts <git ref> [the options of npm run bench]`: lb of the working tree against lb of another commit,
 * in interleaved rounds. Without --scenario it is l7-get and l4-request-response.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chooseScenarios } from './harness/choose-scenarios.ts'
import { parseOptions, UsageError } from './harness/options.ts'
import type { ScenarioResult } from './harness/results.ts'
import { runScenario } from './harness/run-scenario.ts'
import { withSession } from './harness/session.ts'
import { formatRatio, formatValue } from './report/scenario-table.ts'
import { textTable } from './report/text-table.ts'
import type { Scenario } from './scenarios/scenario.ts'
import { ratio, spread } from './stats/spread.ts'
import { lb, lbIn } from './targets/lb.ts'

const root = join(import.meta.dirname, '..')

/** A checkout of the ref beside this one, with our node_modules; returns what removes it again. */
function checkOut(ref: string): { folder: string; remove: () => void } {
  const git = (...args: string[]): void =>
    void execFileSync('git', args, { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] })
  const folder = join(mkdtempSync(join(tmpdir(), 'lb-compare-')), 'tree')
  git('worktree', 'add', '--detach', folder, ref)
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  let removed = false
  const remove = (): void => {
    if (removed) return
    removed = true
    git('worktree', 'remove', '--force', folder)
    rmSync(join(folder, '..'), { recursive: true, force: true })
  }
  process.once('exit', remove)
  return { folder, remove }
}

/** The scenario with two contestants: lb here and lb there, both with the work of its first lb. */
function against(scenario: Scenario, ref: string): Scenario {
  const { work, backends } = scenario.contestants.find(({ target }) => target === 'lb')!
  return {
    ...scenario,
    contestants: [
      { label: 'working tree', target: 'lb', work, backends },
      { label: ref, target: 'base', work, backends }
    ]
  }
}

function print({ name, title, metrics, contestants: [ours, theirs] }: ScenarioResult): void {
  console.log(`\n${name}: ${title}`)
  for (const { label, excluded } of [ours!, theirs!])
    if (excluded !== undefined) console.log(`  ${label}: ${excluded}`)
  const rows = metrics.map((metric) => {
    const own = ours!.rounds.map((round) => round[metric.key])
    const other = theirs!.rounds.map((round) => round[metric.key])
    return [
      `${metric.title} (${metric.better} is better)`,
      formatValue(spread(own)?.median, metric),
      formatValue(spread(other)?.median, metric),
      formatRatio(ratio(own, other))
    ]
  })
  console.log(textTable([['', ours!.label, theirs!.label, 'ratio'], ...rows]).replace(/^/gm, '  '))
}

async function main(): Promise<void> {
  const [ref, ...rest] = process.argv.slice(2)
  if (ref === undefined || ref.startsWith('-'))
    throw new UsageError('node bench/compare.ts <git ref> [options]')
  const parsed = parseOptions(['--quick', '--rounds', '7', ...rest])
  if (typeof parsed === 'string') throw new UsageError('the options are those of npm run bench')
  const options = {
    ...parsed,
    targets: ['lb', 'base'] as const,
    scenarios: parsed.scenarios.length > 0 ? parsed.scenarios : ['l7-get', 'l4-request-response']
  }
  const base = checkOut(ref)
  try {
    const targets = { lb, base: lbIn(base.folder, [], 'base') }
    await withSession({ options, targets, missing: {} }, async (setting) => {
      for (const scenario of chooseScenarios(options))
        print(await runScenario(against(scenario, ref), setting))
    })
  } finally {
    base.remove()
  }
}

try {
  await main()
} catch (error) {
  console.error(error instanceof UsageError ? error.message : error)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
