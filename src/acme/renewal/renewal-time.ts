import type { RenewalRecord } from '../storage/records.ts'

/** Lifetime of a certificate. Wall clock. */
interface Lifetime {
  readonly notBefore: number
  readonly notAfter: number
}

const ASK_AGAIN_MS = 21_600_000

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
 * that frequent checks do not make it earlier.
 */
export function suggestedRenewal(
  before: RenewalRecord | undefined,
  window: { readonly start: number; readonly end: number },
  askAt: number,
  chance: number
): RenewalRecord {
  const same = before?.window?.start === window.start && before.window.end === window.end
  const at = same ? before.at : Math.round(window.start + (window.end - window.start) * chance)
  return { at, window, askAt }
}

/** The authority could not be asked: the known values stay. */
export function askedInVain(before: RenewalRecord, now: number): RenewalRecord {
  return { ...before, askAt: now + ASK_AGAIN_MS }
}
