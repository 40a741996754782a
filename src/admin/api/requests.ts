import { ADMIN_STATES } from '../../balancer/pool/states.ts'
import type { AdminState } from '../../balancer/pool/states.ts'
import { ApiError } from './api-error.ts'
import type { BackendChange, PurgeRequest, PurgeTarget } from '../control-plane.ts'
import { parseDuration } from '../../config/units.ts'
import { refuseUnknown } from './refuse-unknown.ts'

const MAX_TEXT = 8192
/** URLs, prefixes or tags of one purge. */
const MAX_PURGED = 1000
const MAX_SESSIONS_MS = 30 * 86_400_000

/** `{"state": "drain"}`, `{"weight": 3}` or both; with a drain perhaps `"sessions": "2h"`. */
export function parseBackendChange(body: Record<string, unknown>): BackendChange {
  refuseUnknown(body, ['state', 'weight', 'sessions'])
  const { state, weight, sessions } = body
  if (state === undefined && weight === undefined) {
    throw new ApiError('bad-request', 'say what to change: state (ready, drain, maint) or weight (1 to 1000)')
  }
  if (state !== undefined && !ADMIN_STATES.includes(state as AdminState)) {
    throw new ApiError('bad-request', `state must be ready, drain or maint`)
  }
  if (
    weight !== undefined &&
    !(Number.isInteger(weight) && (weight as number) >= 1 && (weight as number) <= 1000)
  ) {
    throw new ApiError(
      'bad-request',
      'weight must be a whole number from 1 to 1000; to take a backend out, drain it'
    )
  }
  const sessionsMs = typeof sessions === 'string' ? parseDuration(sessions) : undefined
  if (
    sessions !== undefined &&
    (sessionsMs === undefined || sessionsMs > MAX_SESSIONS_MS || state !== 'drain')
  ) {
    throw new ApiError(
      'bad-request',
      'sessions is a duration up to 30d such as "2h", and goes with the state drain'
    )
  }
  return {
    ...(state === undefined ? {} : { state: state as AdminState }),
    ...(sessionsMs === undefined ? {} : { sessionsMs }),
    ...(weight === undefined ? {} : { weight: weight as number })
  }
}

/** One of `url`, `prefix`, `tag` (each a text or a list) and `all`, and perhaps `cache` and `soft`. */
export function parsePurge(body: Record<string, unknown>): PurgeRequest {
  refuseUnknown(body, ['url', 'prefix', 'tag', 'all', 'cache', 'soft'])
  const given = (['url', 'prefix', 'tag', 'all'] as const).filter((key) => body[key] !== undefined)
  if (given.length !== 1) {
    throw new ApiError('bad-request', 'say what to purge: exactly one of url, prefix, tag and all')
  }
  const cache = body.cache === undefined ? undefined : text('cache', body.cache)
  const { soft } = body
  if (soft !== undefined && typeof soft !== 'boolean')
    throw new ApiError('bad-request', 'soft is true or false')
  return {
    ...(cache === undefined ? {} : { cache }),
    ...(soft === true ? { soft } : {}),
    target: purgeTarget(given[0]!, body[given[0]!])
  }
}

function purgeTarget(kind: 'url' | 'prefix' | 'tag' | 'all', value: unknown): PurgeTarget {
  if (kind === 'all') {
    if (value !== true) throw new ApiError('bad-request', 'all must be true')
    return { kind }
  }
  const values = (Array.isArray(value) ? value : [value]).map((each: unknown) => text(kind, each))
  if (values.length === 0 || values.length > MAX_PURGED)
    throw new ApiError('bad-request', `${kind} is one, or a list of 1 to ${MAX_PURGED}`)
  const wrong = kind === 'tag' ? undefined : values.find((url) => !isUrl(url))
  if (wrong === undefined) return { kind, values }
  const which = values.length > 1 ? `; ${wrong.slice(0, 200)} is none` : ''
  throw new ApiError('bad-request', `${kind} must be a whole URL: https://example.com/path${which}`)
}

function isUrl(text: string): boolean {
  return /^https?:\/\/[^/]/i.test(text) && URL.canParse(text)
}

function text(key: string, value: unknown): string {
  if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT) {
    throw new ApiError('bad-request', `${key} must be a string of 1 to ${MAX_TEXT} characters`)
  }
  return value
}
