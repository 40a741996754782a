import type { NameRecord, RenewalRecord } from '../storage/records.ts'

/** Lifetime of a certificate. Wall clock. */
interface Lifetime {
  readonly notBefore: number
  readonly notAfter: number
}

const ASK_AGAIN_MS = 21_600_000
/** Longest that an authority may have said not to be asked for. */
const LONGEST_ASK_MS = 86_400_000
/** The share of its lifetime that a certificate must have left, whatever its authority suggests. */
const RESERVE = 10
/** Clocks may be set back by this much without anybody's notice. */
const SKEW_MS = 60_000

/** Without a suggestion: after two thirds of the lifetime, randomised by up to a fiftieth. */
export function usualRenewal(
  { notBefore, notAfter }: Lifetime,
  chance: number,
  askAt?: number
): RenewalRecord {
  const life = notAfter - notBefore
  const at = Math.round(notBefore + (life * 2) / 3 - (life / 50) * chance)
  return { at, ...(askAt !== undefined && { askAt }) }
}

/**
 * RFC 9773 §4.2: a random point in the window, or at once when that is past. The point stays while the window does, so
 * that frequent checks do not make it earlier. A window behind the end of the certificate, or just before it, is not
 * waited for.
 */
export function suggestedRenewal(
  before: RenewalRecord | undefined,
  window: { readonly start: number; readonly end: number },
  askAt: number,
  chance: number,
  { notBefore, notAfter }: Lifetime
): RenewalRecord {
  const latest = Math.round(notAfter - (notAfter - notBefore) / RESERVE)
  const same = before?.window?.start === window.start && before.window.end === window.end
  const at = same ? before.at : Math.round(window.start + (window.end - window.start) * chance)
  return { at: Math.min(at, latest), window, askAt }
}

/** The authority could not be asked: the known values stay. `retryAt`: what it has said itself (§4.3.3). */
export function askedInVain(before: RenewalRecord, now: number, retryAt = 0): RenewalRecord {
  return { ...before, askAt: Math.max(now + ASK_AGAIN_MS, Math.min(retryAt, now + LONGEST_ASK_MS)) }
}

/** Whether it is time to ask the authority. A later time than it may say is from when the clock was ahead. */
export function isAskDue({ askAt }: RenewalRecord, now: number): boolean {
  return askAt !== undefined && (askAt <= now || askAt > now + LONGEST_ASK_MS + SKEW_MS)
}

/** When something is due for a name, wall clock. Times from when the clock was ahead do not count. */
export function dueAt({ failure, renewal }: NameRecord, obtained: boolean, now: number): number {
  const failed = failure === undefined || failure.at > now + SKEW_MS ? 0 : failure.nextAt
  if (!obtained || renewal === undefined) return obtained ? 0 : failed
  if (isAskDue(renewal, now)) return 0
  return Math.min(Math.max(renewal.at, failed), renewal.askAt ?? Infinity)
}
