import { dialFailure } from '../net/dial/dial-failure.ts'
import type { BackendAddress, BackendTls, ProbeConfig } from '../config/model/model.ts'
import { connectReason } from '../net/tls/tls-reason.ts'

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
  /** What is sent all the same before the connection is closed, where the protocol has such a word. */
  readonly goodbye: string | undefined

  constructor(message: string, goodbye?: string) {
    super(message)
    this.goodbye = goodbye
  }
}

/** The probe could not be made, for a reason of our own: a file that cannot be read. It says nothing about the backend. */
export class ProbeUnable extends Error {
  override readonly name = 'ProbeUnable'
}

/** A resolver that does not answer, or cannot. (That it knows no such name is an answer.) */
const RESOLVER = new Set([
  'EAI_AGAIN',
  'EAI_FAIL',
  'EAI_MEMORY',
  'EAI_SYSTEM',
  'ESERVFAIL',
  'ETIMEOUT',
  'ECANCELLED'
])

/** The probe failed for want of a descriptor, a port, a resolver, or a file of ours: the backend is not judged by it. */
export function isOurs(error: unknown): boolean {
  if (error instanceof ProbeUnable) return true
  if (!(error instanceof Error)) return false
  const { code } = error as NodeJS.ErrnoException
  return code !== undefined && (RESOLVER.has(code) || dialFailure(error, false).outcome === 'unused')
}

/** The reason of a failed probe in a few words, for the log and the admin API. */
export function failureText(error: unknown): string {
  if (!(error instanceof Error)) return String(error).slice(0, 200)
  const cause = error.cause instanceof Error && error.message === 'fetch failed' ? error.cause : error
  const { code } = cause as NodeJS.ErrnoException
  const known = connectReason(cause)
  // TLS: the code with what it means.
  if (known !== code && known !== cause.message) return known
  const text =
    cause.message === '' && cause instanceof AggregateError
      ? cause.errors.map(String).join(', ')
      : cause.message
  const words = code === undefined || text.includes(code) ? text : `${code} ${text}`
  return words.replace(/\s+/g, ' ').slice(0, 200)
}
