import { constants } from 'node:os'
import { systemClock } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import { Coalesced } from '../runtime/control/reload/coalesced.ts'
import { exitCode } from './exit-code.ts'

/** The effects of signals on a running `lb`. */
export interface Signalled {
  stop(): Promise<unknown>
  /** Reads the configuration again and logs the result; an invalid file changes nothing. */
  reload(): Promise<unknown>
  /** Reopens log files after they were moved away. */
  reopenLogs(): void
}

/**
 * SIGTERM, SIGINT and SIGQUIT drain and exit with 0, the second of them at once; SIGHUP reloads, SIGUSR1 reopens log files. Call
 * it before anything else: Node's own reaction to the last two is to end `lb`, or to open a debugger.
 */
export class Signals {
  #running: Signalled | undefined
  #stopping = false
  #reloadAsked = false
  /** Signals during a reload cause one further reload. */
  readonly #reloads = new Coalesced(systemClock, async () => {
    if (!this.#stopping) await this.#running!.reload()
  })

  constructor() {
    process.on('SIGTERM', (signal) => this.#stop(signal))
    process.on('SIGINT', (signal) => this.#stop(signal))
    // nginx drains by it, and so do scripts and images made for nginx.
    process.on('SIGQUIT', (signal) => this.#stop(signal))
    process.on('SIGHUP', () => this.#reload())
    process.on('SIGUSR1', () => this.#running?.reopenLogs())
    // Reserved: it must not end lb.
    process.on('SIGUSR2', () => {})
  }

  /** lb is up. An earlier SIGHUP is handled now: the file may have changed since it was read. */
  handle(running: Signalled): void {
    this.#running = running
    if (this.#reloadAsked) this.#reload()
  }

  #stop(signal: NodeJS.Signals): void {
    // 128 + the signal's number is the shell's exit code for a program that a signal ended.
    const code = 128 + constants.signals[signal]
    if (this.#stopping || this.#running === undefined) process.exit(code)
    this.#stopping = true
    this.#running.stop().then(
      () => process.exit(exitCode.ok),
      (error: unknown) => {
        process.stderr.write(`lb: did not stop properly: ${messageOf(error)}\n`)
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
