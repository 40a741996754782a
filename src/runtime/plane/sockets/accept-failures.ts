import type { Clock } from '../../../core/clock.ts'
import type { Logger } from '../../../core/log/log.ts'
import type { Counter } from '../../../core/metrics/metrics.ts'
import { descriptorLimit, descriptorReserve } from '../../../net/transport/descriptors.ts'

/** Without free descriptors connections are refused by the thousand: at most one line is logged in this time. */
const LINE_EVERY_MS = 10_000

/** Says that connections to backends, or sessions of UDP, get no descriptor in this thread, or no memory of the kernel. */
export function shortageReport(log: Logger, clock: Clock): (code: string) => void {
  let saidAt = -Infinity
  let failures = 0
  return (code) => {
    failures++
    const now = clock.now()
    if (now - saidAt < LINE_EVERY_MS) return
    saidAt = now
    log.error(
      { code, failures, limit: descriptorLimit, reserve: descriptorReserve },
      code === 'EMFILE'
        ? `file descriptors are used up but for the reserve: connections to backends fail until some are closed (ulimit -n is ${descriptorLimit})`
        : `connections to backends fail: ${code === 'ENFILE' ? 'the system has no file descriptor left' : 'the kernel has no memory left for sockets'}`
    )
    failures = 0
  }
}

/** Counts and logs the connections of one listener that could not be accepted. */
export class AcceptFailures {
  readonly #listener: string
  readonly #log: Logger
  readonly #clock: Clock
  readonly #refused: () => Counter
  #saidAt = -Infinity
  #since = 0

  /** `refused` is called when there is something to count. */
  constructor(listener: string, log: Logger, clock: Clock, refused: () => Counter) {
    this.#listener = listener
    this.#log = log
    this.#clock = clock
    this.#refused = refused
  }

  failed(error: NodeJS.ErrnoException): void {
    const short = error.code === 'EMFILE' || error.code === 'ENFILE'
    if (short) this.#refused().add()
    this.#since++
    const now = this.#clock.now()
    if (now - this.#saidAt < LINE_EVERY_MS) return
    this.#saidAt = now
    const fields = { listener: this.#listener, code: error.code, connections: this.#since }
    this.#since = 0
    if (!short) return this.#log.error({ ...fields, err: error }, 'accept failed')
    this.#log.error(
      { ...fields, limit: descriptorLimit, reserve: descriptorReserve },
      `file descriptors are used up but for the reserve: new connections are reset until some are closed (ulimit -n is ${descriptorLimit})`
    )
  }
}
