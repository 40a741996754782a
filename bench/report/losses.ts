import type { ScenarioResult } from '../harness/results.ts'
import { formatRatio, rowsOf } from './scenario-table.ts'

/** Below this, a difference is noise. */
const noise = 0.03

/** Where somebody is better than lb in a scenario's first metric: `scenario`, `who`, `by how much`. */
export function lossesOf(scenarios: readonly ScenarioResult[]): string[][] {
  return scenarios.flatMap((scenario) => {
    const metric = scenario.metrics[0]!
    return rowsOf(scenario)
      .filter(({ target, ratio }) => {
        if (target === 'lb' || target === 'direct' || ratio === undefined) return false
        return metric.better === 'less' ? ratio.median > 1 + noise : ratio.median < 1 - noise
      })
      .map(({ label, ratio }) => [scenario.title, metric.title, label, formatRatio(ratio)])
  })
}
