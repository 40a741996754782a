import type { Directives } from './cache-control.ts'

/** The facts of a stored response that decide whether it may be used. Times in milliseconds. */
export interface Reusable {
  /** By steadyNow, as every `now` here. */
  readonly storedAt: number
  readonly initialAge: number
  readonly lifetime: number
  /** Windows the response itself opened; undefined when it did not. */
  readonly staleWhileRevalidate: number | undefined
  readonly staleIfError: number | undefined
  /** Never without asking, fresh or not (no-cache). */
  readonly noCache: boolean
  /** must-revalidate or proxy-revalidate: stale never, whatever was said elsewhere. */
  readonly mustRevalidate: boolean
  /** s-maxage: stale only where the response itself opened a window (RFC 9111 §5.2.2.10, RFC 5861). */
  readonly sharedLifetime: boolean
}

export interface StaleDefaults {
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
}

export type Reuse = 'fresh' | 'stale' | 'stale-while-revalidate' | 'revalidate'

/**
 * RFC 9111 §4.2.4 lets a cache that cannot reach the origin answer stale. For how long where nobody said: an hour.
 */
export const disconnectedMs = 60 * 60 * 1000

export function currentAge(entry: Reusable, now: number): number {
  return entry.initialAge + Math.max(0, now - entry.storedAt)
}

/** RFC 9111 §4 and §5.2.1: what may be done with a stored response that matches the request. */
export function reuse(entry: Reusable, request: Directives, defaults: StaleDefaults, now: number): Reuse {
  if (request.noCache || entry.noCache) return 'revalidate'
  const age = currentAge(entry, now)
  if (request.maxAge !== undefined && age >= request.maxAge * 1000 && request.maxStale === undefined)
    return 'revalidate'
  const remaining = entry.lifetime - age
  if (remaining > (request.minFresh ?? 0) * 1000) return 'fresh'
  // A client that wants fresher than fresh does not want stale.
  if (request.minFresh !== undefined || entry.mustRevalidate) return 'revalidate'
  const own = onlyItsOwnWindows(entry)
  const window = entry.staleWhileRevalidate ?? (own ? 0 : defaults.staleWhileRevalidateMs)
  if (-remaining < window) return 'stale-while-revalidate'
  if (request.maxStale !== undefined && !own && -remaining <= request.maxStale * 1000) return 'stale'
  return 'revalidate'
}

/**
 * Whether neither configuration nor client may have it stale: s-maxage forbids it (RFC 9111 §5.2.2.10), and what was never
 * fresh is here to be validated. A page that differs from user to user and has an ETag but no lifetime is only safe
 * because the origin judges each use of it.
 */
function onlyItsOwnWindows(entry: Reusable): boolean {
  return entry.sharedLifetime || entry.lifetime <= 0
}

/**
 * Whether the stored response may stand in for an error. `disconnected`: the origin gave no response at all; else it
 * answered with a 5xx. The request may open a window too (RFC 5861 §4).
 */
export function usableOnError(
  entry: Reusable,
  request: Directives,
  defaults: StaleDefaults,
  disconnected: boolean,
  now: number
): boolean {
  if (request.noCache || entry.noCache || entry.mustRevalidate) return false
  const stale = currentAge(entry, now) - entry.lifetime
  if (entry.staleIfError !== undefined) return stale <= entry.staleIfError
  if (onlyItsOwnWindows(entry)) return false
  if (request.staleIfError !== undefined) return stale <= request.staleIfError * 1000
  return stale < Math.max(defaults.staleIfErrorMs, disconnected ? disconnectedMs : 0)
}
