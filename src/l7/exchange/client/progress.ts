import type { L7ListenerConfig } from '../../../config/model/model.ts'

export type ClientTimes = Pick<L7ListenerConfig['timeouts'], 'idleMs' | 'requestBodyMs' | 'minRate'>

/** Why a client is given up: without progress, below the least rate, or with a body that is not whole in time. */
export type Laggard = 'idle' | 'slow' | 'late'

/**
 * A client that is waited for: for more of its body, or until it has read what is there. It has to go on within `idle`, the
 * body has to be whole within `requestBody`, and what comes has to be `minRate`. The rate counts only the time that the
 * client was waited for: a backend that is slow is no fault of the client. Times are those of Deadlines.now.
 */
export class Progress {
  /** Infinity: it is not waited for. */
  #since = Infinity
  #from = 0
  #seen = 0
  #progressAt = 0
  /** Of the window under way. */
  #waitedMs = 0
  #bytes = 0
  #wholeBy = Infinity

  /** A body begins. */
  bodyBegins({ requestBodyMs }: ClientTimes, now: number): void {
    this.#waitedMs = this.#bytes = 0
    this.#since = Infinity
    this.#wholeBy = requestBodyMs === undefined ? Infinity : now + requestBodyMs
  }

  bodyEnded(): void {
    this.#wholeBy = this.#since = Infinity
  }

  /** The client is waited for from now on; `total`: bytes so far. Returns its deadline. */
  await(times: ClientTimes, now: number, total: number): number {
    if (this.#since === Infinity) {
      this.#since = now
      this.#from = this.#seen = total
    }
    return this.went(times, now)
  }

  /** It has made progress. Returns its deadline. */
  went(times: ClientTimes, now: number): number {
    this.#progressAt = now
    return this.#deadline(times)
  }

  /** It is not waited for any more. */
  hold(now: number, total: number): void {
    if (this.#since === Infinity) return
    this.#waitedMs += now - this.#since
    this.#bytes += total - this.#from
    this.#since = Infinity
  }

  /** A deadline has passed: why the client is given up, or the deadline that it has now. */
  judge(times: ClientTimes, now: number, total: number): Laggard | number {
    const { idleMs, minRate } = times
    if (now >= this.#wholeBy) return 'late'
    if (total !== this.#seen) this.#progressAt = now
    else if (now >= this.#progressAt + idleMs) return 'idle'
    this.#seen = total
    this.hold(now, total)
    const waited = this.#waitedMs
    const bytes = this.#bytes
    this.#since = now
    this.#from = total
    if (minRate !== undefined && waited >= minRate.windowMs) {
      // A pause is no trickle: a window without a single byte is left to `idle`.
      if (bytes > 0 && bytes < (minRate.bytes * waited) / 1e3) return 'slow'
      this.#waitedMs = this.#bytes = 0
    }
    return this.#deadline(times)
  }

  #deadline({ idleMs, minRate }: ClientTimes): number {
    const windowEnd = minRate === undefined ? Infinity : this.#since + minRate.windowMs - this.#waitedMs
    return Math.min(this.#progressAt + idleMs, windowEnd, this.#wholeBy)
  }
}

export const laggards = {
  idle: { body: 'client sends no body', response: 'client reads nothing' },
  slow: {
    body: 'client sends its body slower than timeouts.minRate',
    response: 'client reads slower than timeouts.minRate'
  },
  late: {
    body: 'the body took longer than timeouts.requestBody',
    response: 'the body took longer than timeouts.requestBody'
  }
} satisfies Record<Laggard, { readonly body: string; readonly response: string }>

/**
 * As `Progress.judge`, for the client of an exchange. A stream of events may be slow, and its client silent for as long as a
 * tunnel; what it is to read it has to read. `sends`: it is waited for to send, not to read.
 */
export function judgeClient(
  progress: Progress,
  exchange: { readonly isStream: boolean },
  times: L7ListenerConfig['timeouts'],
  sends: boolean,
  now: number,
  total: number
): Laggard | number {
  const verdict = progress.judge(times, now, total)
  if (typeof verdict === 'number' || verdict === 'late' || !exchange.isStream) return verdict
  const patient = { idleMs: sends ? Math.max(times.tunnelMs, times.idleMs) : times.idleMs }
  return progress.judge(patient, now, total)
}
