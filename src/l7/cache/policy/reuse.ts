import type { Directives } from './cache-control.ts'

/** The facts about a stored response that decide whether it may be used. Times in milliseconds. */
export interface Reusable {
  /** Milliseconds of steadyNow, like every `now` here. */
  readonly storedAt: number
  readonly initialAge: number
  readonly lifetime: number
  /** The windows that the response itself gave; undefined when it gave none. */
  readonly staleWhileRevalidate: number | undefined
  readonly staleIfError: number | undefined
  /** no-cache: must be revalidated each time, fresh or not. */
  readonly noCache: boolean
  /** must-revalidate or proxy-revalidate: never used stale, whatever else is configured. */
  readonly mustRevalidate: boolean
  /** s-maxage: used stale only in a window that the response itself gave (RFC 9111 §5.2.2.10, RFC 5861). */
  readonly sharedLifetime: boolean
}

export interface StaleDefaults {
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
}

export type Reuse = 'fresh' | 'stale' | 'stale-while-revalidate' | 'revalidate'

/** RFC 9111 §4.2.4 allows stale responses while the origin cannot be reached. The default limit is an hour. */
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
  // A client that asks for min-fresh does not want stale responses.
  if (request.minFresh !== undefined || entry.mustRevalidate) return 'revalidate'
  const own = onlyItsOwnWindows(entry)
  const window = entry.staleWhileRevalidate ?? (own ? 0 : defaults.staleWhileRevalidateMs)
  if (-remaining < window) return 'stale-while-revalidate'
  if (request.maxStale !== undefined && !own && -remaining <= request.maxStale * 1000) return 'stale'
  return 'revalidate'
}

/**
 * Why a response is revalidated: the request asks for it, although it is fresh (RFC 9211 §2.2), or the response needs it
 * whatever the request says.
 */
export function revalidatedFor(entry: Reusable, request: Directives, now: number): 'request' | 'stale' {
  if (request.noCache) return 'request'
  return entry.noCache || currentAge(entry, now) >= entry.lifetime ? 'stale' : 'request'
}

/**
 * Whether neither configuration nor client may allow stale use: s-maxage forbids it (RFC 9111 §5.2.2.10), and a
 * response without a lifetime is stored only to be revalidated. A page that differs from user to user and has an ETag
 * but no lifetime is only safe because the origin decides about each use.
 */
function onlyItsOwnWindows(entry: Reusable): boolean {
  return entry.sharedLifetime || entry.lifetime <= 0
}

/**
 * Whether the stored response may be used in place of an error. `disconnected`: the origin gave no response at all;
 * otherwise it answered with a 5xx. The request may give a window too (RFC 5861 §4).
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
