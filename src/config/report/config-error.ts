import { formatProblems } from './format-problems.ts'
import type { Problem } from './problem.ts'

/** Thrown by `start` when the configuration it is given is refused. The message is the formatted list. */
export class ConfigError extends Error {
  readonly code = 'LB_CONFIG'
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    super(formatProblems(problems))
    this.name = 'ConfigError'
    this.problems = problems
  }
}
