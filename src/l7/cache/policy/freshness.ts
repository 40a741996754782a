import type { CacheResponse } from '../ports.ts'
import { parseFirstHttpDate, parseHttpDate } from './http-date.ts'
import type { ResponseDirectives } from './response-directives.ts'

/** RFC 9110 §15.1: statuses with a heuristic lifetime. 206 is missing here: partial responses need more checks. */
const heuristicStatuses = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])

/** A heuristic lifetime is at most a day, whatever Last-Modified says (RFC 9111 §4.2.2 warns of longer ones). */
const heuristicLimitMs = 24 * 60 * 60 * 1000

/**
 * An error may concern one request only, so it takes the default only if the operator (negativeTtl) or the response
 * says so.
 */
function takesDefault(status: number): boolean {
  return status < 400 || status === 404 || status === 410
}

export interface FreshnessConfig {
  readonly defaultTtlMs?: number
  readonly maxTtlMs?: number
  readonly heuristic: number
  readonly negativeTtlMs: Readonly<Record<string, number>>
}

export interface Lifetime {
  readonly ms: number
  /** From the response, not heuristic or configured. */
  readonly explicit: boolean
}

/** RFC 9111 §4.2.1 for a shared cache; undefined when neither the response nor the configuration says anything. */
export function freshnessLifetime(
  response: CacheResponse,
  directives: ResponseDirectives,
  config: FreshnessConfig,
  responseTime: number
): Lifetime | undefined {
  const said = saidByResponse(response, directives, responseTime)
  if (said !== undefined) return { ms: Math.min(said, config.maxTtlMs ?? Infinity), explicit: true }
  const guessed = configured(response, directives, config, responseTime)
  if (guessed === undefined) return undefined
  return { ms: Math.min(guessed, config.maxTtlMs ?? Infinity), explicit: false }
}

function saidByResponse(
  response: CacheResponse,
  directives: ResponseDirectives,
  responseTime: number
): number | undefined {
  const seconds = directives.sMaxage ?? directives.maxAge
  if (seconds !== undefined) return seconds * 1000
  const expires = response.headers.get('expires')
  if (directives.targeted || expires === undefined) return undefined
  const at = parseFirstHttpDate(expires, responseTime)
  // RFC 9111 §5.3: an invalid date, "0" above all, means already expired.
  if (at === undefined) return 0
  const date = parseHttpDate(response.headers.get('date'), responseTime) ?? responseTime
  return Math.max(0, at - date)
}

function configured(
  response: CacheResponse,
  directives: ResponseDirectives,
  config: FreshnessConfig,
  responseTime: number
): number | undefined {
  // no-cache without a lifetime asks for revalidation, not for a guess.
  if (directives.noCache) return undefined
  // eslint-disable-next-line lb/no-text-index -- three digits
  const negative = config.negativeTtlMs[String(response.status)]
  if (negative !== undefined) return negative
  if (!heuristicStatuses.has(response.status) && !directives.public) return undefined
  if (config.defaultTtlMs !== undefined && (takesDefault(response.status) || directives.public))
    return config.defaultTtlMs
  const modified = parseFirstHttpDate(response.headers.get('last-modified'), responseTime)
  if (modified === undefined || config.heuristic <= 0) return undefined
  const date = parseHttpDate(response.headers.get('date'), responseTime) ?? responseTime
  if (modified >= date) return undefined
  return Math.min((date - modified) * config.heuristic, heuristicLimitMs)
}
