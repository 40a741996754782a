import { RetryDelay } from './retry-delay.ts'
import type { SourceDeps } from './source.ts'

/** How long one try of a source may take, with its connection. */
const TRY_MS = 10_000

/**
 * One try. Resolves with the ms until the next; a stream calls `succeeded` once it works, so that its later end does
 * not count as a repeated failure.
 */
export type Poll = (signal: AbortSignal, succeeded: () => void) => Promise<number>

interface PollerOptions {
  readonly stream?: boolean
  readonly mostMs?: number
}

/**
 * Asks repeatedly: after the time that an answer gives, or after a growing delay following failures. One try at a time,
 * each with a deadline; `close` ends the current one. Failures are reported, and change nothing.
 */
export class Poller {
  readonly #deps: SourceDeps
  readonly #poll: Poll
  readonly #delay: RetryDelay
  readonly #tryMs: number | undefined
  readonly #closed = new AbortController()
  #cancel: (() => void) | undefined

  /** `stream`: a try has no deadline; the server ends it. `mostMs`: longest delay between failing tries, at most 30 s. */
  constructor(deps: SourceDeps, poll: Poll, { stream = false, mostMs }: PollerOptions = {}) {
    this.#deps = deps
    this.#poll = poll
    this.#delay = new RetryDelay(deps.random, mostMs)
    this.#tryMs = stream ? undefined : TRY_MS
    void this.#try()
  }

  close(): void {
    this.#closed.abort()
    this.#cancel?.()
  }

  async #try(): Promise<void> {
    this.#cancel = undefined
    const { signal } = this.#closed
    let wait: number
    try {
      const deadline =
        this.#tryMs === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(this.#tryMs)])
      const succeeded = (): void => this.#delay.reset()
      wait = await withSignal(this.#poll(deadline, succeeded), deadline)
      this.#delay.reset()
    } catch (error) {
      if (signal.aborted) return
      this.#deps.failed(reasonOf(error))
      wait = this.#delay.next()
    }
    if (signal.aborted) return
    this.#cancel = this.#deps.clock.after(wait, () => void this.#try())
  }
}

/** Work that ignores the signal is abandoned when it fires. */
async function withSignal<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop)
  }
}

const MAX_REASON = 200

/** One line for any thrown value. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? withCode(error) : String(error)
  return text.replaceAll(/\s+/g, ' ').slice(0, MAX_REASON)
}

function withCode(error: Error): string {
  if (error.name === 'TimeoutError') return 'no answer in time'
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (error.message === '') return code === '' ? error.name : code
  return code === '' || error.message.includes(code) ? error.message : `${code}: ${error.message}`
}
