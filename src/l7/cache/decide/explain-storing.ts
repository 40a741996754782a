import type { RouteCache } from '../../../config/model/model.ts'
import { makeEntry } from '../fetch/make-entry.ts'
import { parseCacheControl } from '../policy/cache-control.ts'
import { reuse } from '../policy/reuse.ts'
import { partOf } from '../fetch/partial.ts'
import { freshnessLifetime } from '../policy/freshness.ts'
import { requestDirectives } from '../policy/request-directives.ts'
import { responseDirectives } from '../policy/response-directives.ts'
import type { NotStorable } from '../policy/storable.ts'
import { hasCredentials, whyNotStorable } from '../policy/storable.ts'
import type { CacheRequest, CacheResponse } from '../ports.ts'

/** Whether upstream's response would be stored. When no response is given, it mostly depends on the response. */
export interface StoringExplanation {
  readonly stored: 'yes' | 'no' | 'depends'
  /** One sentence. */
  readonly why: string
  /** How long the response would be fresh. */
  readonly ttlSeconds?: number
}

export function explainStoring(
  request: CacheRequest,
  config: RouteCache,
  response: CacheResponse | undefined,
  now: number
): StoringExplanation {
  const { method } = request
  const no = (why: string): StoringExplanation => ({ stored: 'no', why })
  if (method === 'HEAD') return no('the answer to a HEAD is not stored; it renews what a GET stored')
  if (method !== 'GET' && method !== 'POST') return no(sentences.method)
  const directives = requestDirectives(request.headers)
  if (directives.noStore) return no(sentences['request-no-store'])
  if (request.body === true && method === 'GET') return no('the request has a body, which is in no key')
  if (response === undefined) return { stored: 'depends', why: dependsOn(request, config) }
  const said = responseDirectives(response.headers)
  const lifetime = freshnessLifetime(response, said, config, now)
  const why = whyNotStorable(request, directives, response, said, lifetime, config.setCookie)
  if (why !== undefined) return no(sentences[why])
  if (response.status === 206 && partOf(response, undefined) === undefined)
    return no('a part (206) has no Content-Range that says where it belongs')
  const times = { requestTime: now, responseTime: now, storedAt: 0 }
  const entry = makeEntry(response, said, lifetime, times, undefined, '')
  const ttlSeconds = Math.max(0, Math.floor((entry.lifetime - entry.initialAge) / 1000))
  const yes = (why: string): StoringExplanation => ({ stored: 'yes', why, ttlSeconds })
  if (said.noCache) return yes('to be revalidated each time: it says no-cache')
  if (ttlSeconds === 0) {
    const age = Math.floor(entry.initialAge / 1000)
    const old = `it comes ${age} s old, by its Age or Date, which is more than its lifetime`
    const stale = entry.lifetime > 0 ? old : 'it has no lifetime'
    if (reuse(entry, parseCacheControl(''), config, 0) === 'stale-while-revalidate')
      return yes(`to be used while it is renewed (stale-while-revalidate): ${stale}`)
    return yes(`to be revalidated: ${stale}`)
  }
  const by = lifetime?.explicit === true ? 'by what the response says' : 'by the configuration of the route'
  return yes(by)
}

const sentences: Readonly<Record<NotStorable, string>> = {
  method: 'only answers to GET are stored, and to a POST that names its own URL in Content-Location',
  status: 'the status is not one that may be stored',
  'request-no-store': 'the request says no-store',
  'no-store': 'the response says no-store',
  private: 'the response says private',
  authorization:
    'the request has credentials, and the response does not say public, s-maxage or must-revalidate',
  'set-cookie': 'the response sets a cookie, and setCookie of the route does not allow storing it',
  vary: 'the response varies by *, by more than 16 fields, or by one that differs with each request',
  'no-lifetime': 'the response has no lifetime, no validator that may be used, and no stale window'
}

function dependsOn(request: CacheRequest, { defaultTtlMs }: RouteCache): string {
  if (request.method === 'POST')
    return 'if the answer names this URL in Content-Location and says how long it lives'
  if (hasCredentials(request))
    return 'if the response says public, s-maxage or must-revalidate, since the request has credentials'
  if (request.headers.get('range') !== undefined)
    return 'if the response has a lifetime or a strong ETag; a part of the body is kept as a part'
  if (defaultTtlMs !== undefined)
    return `if the response does not forbid it; for ${defaultTtlMs / 1000} s where it says nothing`
  return 'if the response has a lifetime or a validator and does not forbid it'
}
