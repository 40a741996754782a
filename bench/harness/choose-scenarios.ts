import type { Scenario } from '../scenarios/scenario.ts'
import { scenarios } from '../scenarios/scenarios.ts'
import { UsageError, type Options } from './options.ts'

export function chooseScenarios(options: Pick<Options, 'scenarios' | 'mode'>): readonly Scenario[] {
  if (options.scenarios.length > 0) return options.scenarios.map(scenarioNamed)
  if (options.mode === 'smoke') return scenarios.filter(({ smoke }) => smoke === true)
  return options.mode === 'quick' ? scenarios.filter(({ quick }) => quick) : scenarios
}

export function scenarioNamed(name: string): Scenario {
  const found = scenarios.find((scenario) => scenario.name === name)
  if (found !== undefined) return found
  throw new UsageError(`there is no scenario "${name}"; there are ${scenarios.map((s) => s.name).join(', ')}`)
}
