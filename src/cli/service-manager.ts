import { execFile } from 'node:child_process'
import type { Signalled } from './signals.ts'

/** Longer than systemd ever takes; the state is only information for it. */
const TIMEOUT_MS = 5_000

/**
 * Reports the state of `lb` to systemd (sd_notify(3)), where the unit has `Type=notify`: NOTIFY_SOCKET is set then.
 * Node.js has no unix datagram sockets, so the program systemd-notify sends it, which needs `NotifyAccess=all`.
 */
export class ServiceManager {
  readonly #program: string | undefined
  /** 0: the unit has no `WatchdogSec`. */
  readonly #watchdogMs: number
  #beats = false
  #last: Promise<void> = Promise.resolve()

  constructor(environment: NodeJS.ProcessEnv) {
    this.#program = environment.NOTIFY_SOCKET ? 'systemd-notify' : undefined
    this.#watchdogMs = watchdogMs(environment)
  }

  ready(): Promise<void> {
    // That the main thread lives: workers that hang are replaced by it.
    if (this.#program !== undefined && this.#watchdogMs > 0 && !this.#beats) {
      this.#beats = true
      setInterval(() => void this.#tell('WATCHDOG=1'), this.#watchdogMs).unref()
    }
    return this.#tell('READY=1', 'STATUS=Balancing')
  }

  /** Reloads and stops are reported before they begin. */
  watch(running: Signalled): Signalled {
    if (this.#program === undefined) return running
    return {
      stop: async () => {
        const told = this.#tell('STOPPING=1', 'STATUS=Draining')
        await running.stop()
        // The report may wait for earlier ones, and lb may stop before it is sent.
        await told
      },
      reload: async () => {
        // `Type=notify-reload` distinguishes reloads by their time.
        void this.#tell(
          'RELOADING=1',
          `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`,
          'STATUS=Reloading'
        )
        try {
          return await running.reload()
        } finally {
          void this.ready()
        }
      },
      reopenLogs: () => running.reopenLogs()
    }
  }

  /** One at a time, so that systemd gets them in order. */
  #tell(...state: string[]): Promise<void> {
    const program = this.#program
    if (program === undefined) return this.#last
    const send = (): Promise<void> =>
      new Promise((resolve) => {
        execFile(program, [`--pid=${process.pid}`, ...state], { timeout: TIMEOUT_MS }, (error) => {
          if (error !== null) {
            process.stderr.write(`lb: could not notify systemd of ${state[0]}: ${firstLine(error.message)}\n`)
          }
          resolve()
        })
      })
    return (this.#last = this.#last.then(send))
  }
}

/** Half of what systemd waits for (sd_watchdog_enabled(3)); 0 where it waits for nothing of this process. */
function watchdogMs({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): number {
  const waits = Number(WATCHDOG_USEC ?? 0) / 1000
  const isOurs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === process.pid
  return isOurs && waits > 0 ? Math.max(100, waits / 2) : 0
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!
}
