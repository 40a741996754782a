import type { Metric } from '../scenarios/scenario.ts'
import type { Machine } from './machine.ts'

/** What a run writes to bench/results and the report is made of. */
export interface Results {
  readonly name: string
  readonly date: string
  readonly machine: Machine
  readonly load: string
  readonly pinned: string
  readonly rounds: number
  readonly seconds: number
  /** By target. */
  readonly versions: Readonly<Record<string, string>>
  /** Not installed: target and the command that installs it. */
  readonly missing: Readonly<Record<string, string>>
  readonly scenarios: readonly ScenarioResult[]
}

export interface ScenarioResult {
  readonly name: string
  readonly title: string
  readonly about: string
  readonly metrics: readonly Metric[]
  /** Set when nothing was measured. */
  readonly skipped?: string
  readonly contestants: readonly ContestantResult[]
}

export interface ContestantResult {
  readonly label: string
  readonly target: string
  /** Command line, as started. */
  readonly command?: string
  /** Why it did not take part: cannot do this, did not start, or answered wrongly. */
  readonly excluded?: string
  /** Its answers were wrong: not a limitation but a fault. */
  readonly wrong?: boolean
  /** By round: figures by Metric.key. */
  readonly rounds: readonly Readonly<Record<string, number | undefined>>[]
}
