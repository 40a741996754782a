import type { BackendAddress, BackendTls, ProbeConfig } from '../config/model/model.ts'

/** What is probed. `address` has the probe's own port already where one is configured. */
export interface ProbeTarget {
  readonly address: BackendAddress
  readonly config: ProbeConfig
  readonly tls: BackendTls | undefined
}

/**
 * One check. Resolves with a word on what was seen ("200 in 3 fields"), throws with the reason why not, and ends soon
 * after `signal` is aborted, leaving nothing open. The checker keeps the time: a probe has no timeout of its own.
 */
export type Probe = (target: ProbeTarget, signal: AbortSignal) => Promise<string>

/** Most of an answer that a probe reads: what looks for a word must not be fed a file. */
export const MOST_BYTES = 64 * 1024

/** The backend answered, but not as expected. */
export class ProbeMismatch extends Error {
  override readonly name = 'ProbeMismatch'
}

/** The reason of a failed probe in a few words, for the log and the admin API. */
export function failureText(error: unknown): string {
  if (!(error instanceof Error)) return String(error).slice(0, 200)
  const cause = error.cause instanceof Error && error.message === 'fetch failed' ? error.cause : error
  const code = (cause as NodeJS.ErrnoException).code
  const text =
    cause.message === '' && cause instanceof AggregateError
      ? cause.errors.map(String).join(', ')
      : cause.message
  const words = code === undefined || text.includes(code) ? text : `${code} ${text}`
  return words.replace(/\s+/g, ' ').slice(0, 200)
}
