import { constants } from 'node:os'
import { formatProblems } from '../config/format-problems.ts'
import { loadConfig } from '../config/parse-config.ts'
import { exitCode } from './exit-code.ts'
import type { Running } from './run.ts'

/**
 * SIGTERM and SIGINT drain and end with 0; the second of them ends at once, as a signal would. SIGHUP reads the
 * configuration again; a bad file changes nothing.
 */
export function handleSignals(running: Running, file: string): void {
  let stopping = false
  const stop = (signal: 'SIGTERM' | 'SIGINT'): void => {
    if (stopping) process.exit(128 + constants.signals[signal])
    stopping = true
    running.stop().then(
      () => process.exit(exitCode.ok),
      (error: unknown) => {
        process.stderr.write(`lb: cannot stop in order: ${message(error)}\n`)
        process.exit(exitCode.cannotRun)
      }
    )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)

  // One reload after the other; signals that arrive meanwhile are one more.
  let reloading = false
  let again = false
  const reload = async (): Promise<void> => {
    const loaded = loadConfig(file, process.env)
    if (!loaded.ok) {
      process.stderr.write(`${formatProblems(loaded.problems)}\nlb: the configuration in force stays\n`)
      return
    }
    if (loaded.warnings.length > 0) process.stderr.write(`${formatProblems(loaded.warnings)}\n`)
    await running.apply(loaded.config)
  }
  const reloadAll = async (): Promise<void> => {
    reloading = true
    do {
      again = false
      await reload().catch((error: unknown) => {
        process.stderr.write(`lb: reload failed, the configuration in force stays: ${message(error)}\n`)
      })
    } while (again && !stopping)
    reloading = false
  }
  process.on('SIGHUP', () => {
    if (stopping) return
    if (reloading) again = true
    else void reloadAll()
  })
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
