import type { Clock } from '../../core/clock.ts'
import type { AcmeClient } from '../client/acme-client.ts'

export interface RenewalInfo {
  readonly window: { readonly start: number; readonly end: number }
  /** Wall clock of the next request. */
  readonly askAt: number
  readonly explanation: string | undefined
}

/**
 * RFC 9773 §4.3: as often as the authority says, between a minute and a day; §4.3.3: every six hours where it does not
 * say.
 */
const SOONEST_MS = 60_000
const LATEST_MS = 86_400_000
const USUAL_MS = 21_600_000

/**
 * When the authority suggests renewing this certificate; undefined when it does not know. Rejects with an AcmeError.
 */
export async function renewalInfo(
  client: AcmeClient,
  id: string,
  clock: Clock
): Promise<RenewalInfo | undefined> {
  const { renewalInfo: at } = await client.directory()
  if (at === undefined) return undefined
  const { body, retryAt } = await client.get(`${at.replace(/\/$/, '')}/${id}`)
  const info = (body ?? {}) as {
    suggestedWindow?: { start?: unknown; end?: unknown }
    explanationURL?: unknown
  }
  const start = Date.parse(String(info.suggestedWindow?.start))
  const end = Date.parse(String(info.suggestedWindow?.end))
  if (!(start < end)) return undefined
  const now = clock.wall()
  const { explanationURL } = info
  return {
    window: { start, end },
    askAt:
      retryAt === undefined ? now + USUAL_MS : Math.min(Math.max(retryAt, now + SOONEST_MS), now + LATEST_MS),
    explanation: typeof explanationURL === 'string' ? explanationURL.slice(0, 500) : undefined
  }
}
