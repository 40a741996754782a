import type { RenewalRecord } from '../storage/records.ts'

/** What is known of a certificate's time. Wall clock. */
interface Lifetime {
  readonly notBefore: number
  readonly notAfter: number
}

const ASK_AGAIN_MS = 21_600_000

/** Without the authority's word: at two thirds of the lifetime, of which up to a fiftieth is left to chance. */
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
 * RFC 9773 §4.2: a random point in the window, or at once when that is past. The point stays while the window does, so that
 * looking often does not make it come early.
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

/** After the authority could not be asked: what was known stays. */
export function askedInVain(before: RenewalRecord, now: number): RenewalRecord {
  return { ...before, askAt: now + ASK_AGAIN_MS }
}
