import { constants } from 'node:os'
import { exitCode } from './exit-code.ts'

/** What signals do to a running `lb`. */
export interface Signalled {
  stop(): Promise<unknown>
  /** Reads the configuration again and says in the log what came of it; a bad file changes nothing. */
  reload(): Promise<unknown>
}

/** SIGTERM and SIGINT drain and end with 0, the second of them at once; SIGHUP reloads. */
export function handleSignals(running: Signalled): void {
  let stopping = false
  const stop = (signal: 'SIGTERM' | 'SIGINT'): void => {
    // 128 + the signal's number is what a shell says of a program that a signal ended.
    if (stopping) process.exit(128 + constants.signals[signal])
    stopping = true
    running.stop().then(
      () => process.exit(exitCode.ok),
      (error: unknown) => {
        process.stderr.write(`lb: did not stop in order: ${message(error)}\n`)
        process.exit(exitCode.cannotRun)
      }
    )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.on('SIGHUP', () => {
    if (stopping) return
    running.reload().catch((error: unknown) => {
      process.stderr.write(`lb: reload failed: ${message(error)}\n`)
    })
  })
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
