import { constants } from 'node:os'
import { systemClock } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import { Coalesced } from '../runtime/control/reload/coalesced.ts'
import { exitCode } from './exit-code.ts'

/** What signals do to a running `lb`. */
export interface Signalled {
  stop(): Promise<unknown>
  /** Reads the configuration again and says in the log what came of it; a bad file changes nothing. */
  reload(): Promise<unknown>
  /** Opens log files anew, after they were moved away. */
  reopenLogs(): void
}

/**
 * SIGTERM and SIGINT drain and end with 0, the second of them at once; SIGHUP reloads, SIGUSR1 reopens log files. To be
 * called first of all: what Node does by itself with the last two ends `lb`, or opens a debugger.
 */
export class Signals {
  #running: Signalled | undefined
  #stopping = false
  #reloadAsked = false
  /** Those that come while one is under way are one more together. */
  readonly #reloads = new Coalesced(systemClock, async () => {
    if (!this.#stopping) await this.#running!.reload()
  })

  constructor() {
    process.on('SIGTERM', (signal) => this.#stop(signal))
    process.on('SIGINT', (signal) => this.#stop(signal))
    process.on('SIGHUP', () => this.#reload())
    process.on('SIGUSR1', () => this.#running?.reopenLogs())
    // Reserved, and no reason to end.
    process.on('SIGUSR2', () => {})
  }

  /** It is up. A SIGHUP that came before is done now: the file may have changed since it was read. */
  handle(running: Signalled): void {
    this.#running = running
    if (this.#reloadAsked) this.#reload()
  }

  #stop(signal: NodeJS.Signals): void {
    // 128 + the signal's number is what a shell says of a program that a signal ended.
    const code = 128 + constants.signals[signal]
    if (this.#stopping || this.#running === undefined) process.exit(code)
    this.#stopping = true
    this.#running.stop().then(
      () => process.exit(exitCode.ok),
      (error: unknown) => {
        process.stderr.write(`lb: did not stop in order: ${messageOf(error)}\n`)
        process.exit(exitCode.cannotRun)
      }
    )
  }

  #reload(): void {
    this.#reloadAsked = true
    if (this.#running === undefined) return
    this.#reloads
      .call()
      .catch((error: unknown) => process.stderr.write(`lb: reload failed: ${messageOf(error)}\n`))
  }
}
