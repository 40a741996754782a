import type { Results, ScenarioResult } from '../harness/results.ts'
import { barChart, type Bar } from './bar-chart.ts'
import { judge } from './goals.ts'
import { lossesOf } from './losses.ts'
import { cellsOf, formatRatio, formatValue, rowsOf } from './scenario-table.ts'

export interface Report {
  readonly markdown: string
  /** By file name, below docs/images. */
  readonly images: Readonly<Record<string, string>>
}

export function report(results: Results): Report {
  const images: Record<string, string> = {}
  const sections = results.scenarios.map((scenario) => {
    const chart = chartOf(scenario)
    if (chart !== undefined) images[`bench-${scenario.name}.svg`] = chart
    return sectionOf(scenario, chart !== undefined)
  })
  const parts = [
    intro(results),
    goalsOf(results),
    losses(results),
    '## Scenarios',
    ...sections,
    absent(results)
  ]
  return { markdown: `${parts.join('\n\n')}\n`, images }
}

export function markdownTable(rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const [header, ...body] = rows
  return [
    line(header!),
    line(header!.map((_, column) => (column === 0 ? '---' : '---:'))),
    ...body.map(line)
  ].join('\n')
}

function intro(results: Results): string {
  const { machine, date, rounds, seconds, pinned, load, versions } = results
  return `# Benchmarks

<!-- Written by \`node bench/report.ts\` from bench/results/latest.json. Do not edit: run it again. -->

Repeat them: \`npm ci && npm run bench -- --quick\` (minutes; [how it measures](benchmarking.md)). What is not installed is
left out by name, with the command that installs it.

**Read the ratios.** They are taken between neighbours in time, round by round, on one machine; on a quiet one they
repeat within 8 %.
Below 1.00 in CPU means that \`lb\` needs less. The absolute figures are those of this one machine on this one day:
${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.system}, Node.js ${machine.node}, ${date.slice(0, 10)};
load ${machine.loadBefore} before the run; ${pinned}; ${rounds} interleaved rounds of ${seconds} s; load by ${load}.

${Object.values(versions)
  .filter((version) => version !== 'no proxy')
  .map((version) => `- ${version}`)
  .join('\n')}

${busy(machine.loadBefore)}One worker or thread each, connections to the origin kept alive, no access log. Every answer was checked first.`
}

/** Others' work costs everybody cache and time slices, and not everybody the same. */
function busy(load: number): string {
  if (load <= 0.7) return ''
  return `**The machine was busy with something else (load ${load}) while these were taken:** figures are higher than on a quiet one, and
ratios less sure than their spread says.\n\n`
}

function goalsOf(results: Results): string {
  const rows = judge(results).map(({ text, limit, atLeast, found, met, theirs }) => [
    text,
    `${atLeast === true ? '≥' : '≤'} ${limit}`,
    found === undefined
      ? 'not measured'
      : theirs === undefined
        ? formatValue(found.median, { digits: 1 })
        : formatRatio(found),
    met === undefined ? '–' : met ? 'yes' : '**no**'
  ])
  return `## What it aims for\n\n${markdownTable([['goal', 'limit', 'found', 'met'], ...rows])}`
}

function losses({ scenarios }: Results): string {
  const rows = lossesOf(scenarios)
  if (rows.length === 0) return '## Where lb loses\n\nNowhere in this run, by more than 3 %.'
  return `## Where lb loses\n\n${markdownTable([['scenario', 'figure', 'to', 'lb / it'], ...rows])}`
}

function sectionOf(scenario: ScenarioResult, chart: boolean): string {
  const { name, title, about, skipped, contestants } = scenario
  const head = `### ${title}\n\n\`${name}\`. ${about}`
  if (skipped !== undefined) return `${head}\n\nSkipped: ${skipped}`
  const excluded = contestants
    .filter((contestant) => contestant.excluded !== undefined)
    .map(
      ({ label, excluded, wrong }) =>
        `- ${label}: ${wrong === true ? '**wrong answer**: ' : ''}${excluded!.split('\n')[0]}`
    )
  return [
    head,
    ...(chart ? [`![${title}](images/bench-${name}.svg)`] : []),
    markdownTable(cellsOf(scenario)),
    ...(excluded.length > 0 ? [`Not in it:\n\n${excluded.join('\n')}`] : [])
  ].join('\n\n')
}

function chartOf(scenario: ScenarioResult): string | undefined {
  const metric = scenario.metrics[0]!
  const bars = rowsOf(scenario).flatMap(({ label, target, values }): Bar[] => {
    const value = values[metric.key]
    if (value === undefined) return []
    const { median, min, max } = value
    return [
      { label, value: median, min, max, text: formatValue(median, metric), highlighted: target === 'lb' }
    ]
  })
  if (bars.length < 2) return undefined
  return barChart(scenario.title, `${metric.title}, ${metric.better} is better`, bars)
}

function absent({ missing }: Results): string {
  const lines = Object.entries(missing).map(([name, cure]) => `- ${name}: not installed here (\`${cure}\`)`)
  return lines.length === 0 ? '' : `## Not measured\n\n${lines.join('\n')}`
}
