import type { Pins } from '../harness/pins.ts'
import type { Processes } from '../harness/processes.ts'
import type { Origins } from '../origins/origins.ts'
import type { TargetName, Work } from '../targets/target.ts'

/** What a figure is called, and in which direction it is good. */
export interface Metric {
  readonly key: string
  readonly title: string
  readonly better: 'less' | 'more'
  readonly digits: number
}

/** One row of a scenario's table: a target with what it has to do. */
export interface Contestant {
  readonly label: string
  readonly target: TargetName
  readonly work?: Partial<Omit<Work, 'backends'>>
  /** How many of the stage's backends it gets; undefined: all. */
  readonly backends?: number
}

/** A contestant that runs. */
export interface Live {
  readonly label: string
  readonly port: number
  /** Undefined for `direct`. */
  readonly pid?: number
}

export interface Sample {
  /** How many requests, messages, connections or megabytes: what processor time is divided by. */
  readonly units: number
  readonly seconds: number
  /** Figures of the scenario's own, by Metric.key. */
  readonly values: Readonly<Record<string, number>>
}

/** A scenario's origins, up and running. */
export interface Stage {
  readonly backends: readonly string[]
  /** Throws when an answer is wrong in any way. */
  check(live: Live): Promise<void>
  measure(live: Live, seconds: number): Promise<Sample>
}

export interface Bench {
  readonly processes: Processes
  readonly origins: Origins
  readonly pins: Pins | undefined
  /** Fewer connections, shorter waits. */
  readonly quick: boolean
}

export interface Scenario {
  readonly name: string
  readonly title: string
  /** One sentence for the report: what is done, and what the figures mean. */
  readonly about: string
  /** The first is what ratios and charts are of. */
  readonly metrics: readonly Metric[]
  readonly contestants: readonly Contestant[]
  /** Part of --quick. */
  readonly quick: boolean
  /** Part of --smoke. */
  readonly smoke?: boolean
  /** Instead of the run's number of rounds. */
  readonly rounds?: number
  /** Proxies take more than one core; they are not pinned. */
  readonly manyCores?: boolean
  /** Throws SkipScenario when something that it needs is not there. */
  open(bench: Bench): Promise<Stage>
}

export class SkipScenario extends Error {}
