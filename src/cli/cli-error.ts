import { exitCode } from './exit-code.ts'

/** An expected failure of a command: one line for the user, and the exit code. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exitCode: number

  constructor(message: string, code: number = exitCode.cannotRun) {
    super(message)
    this.exitCode = code
  }
}
