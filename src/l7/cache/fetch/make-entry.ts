import type { Clock } from '../../../core/clock.ts'
import type { ResponseEntry } from '../entry.ts'
import { initialAge, parseAge } from '../policy/age.ts'
import { formatHttpDate, parseHttpDate } from '../policy/http-date.ts'
import type { RouteCache } from '../../../config/model/model.ts'
import type { Lifetime } from '../policy/freshness.ts'
import { freshnessLifetime } from '../policy/freshness.ts'
import type { ContentRange } from '../policy/ranges.ts'
import type { ResponseDirectives } from '../policy/response-directives.ts'
import { responseDirectives } from '../policy/response-directives.ts'
import { keepsCookie } from '../policy/set-cookie.ts'
import { FieldBlock, fieldsFor, storedFields, updatedFields, without } from '../policy/stored-fields.ts'
import type { CacheResponse } from '../ports.ts'
import { tagsOf } from '../decide/tags.ts'

export interface Times {
  /** Wall clock, like Date. */
  readonly requestTime: number
  readonly responseTime: number
  /** Milliseconds of steadyNow. */
  readonly storedAt: number
}

/** Times of a request sent at `startedAt` and answered `now`. The steady clock measures how long upstream took. */
export function timesOf(clock: Pick<Clock, 'wall'>, startedAt: number, now: number): Times {
  const responseTime = clock.wall()
  return { requestTime: responseTime - (now - startedAt), responseTime, storedAt: now }
}

/** Makes the entry of a response that may be stored. */
export function makeEntry(
  response: CacheResponse,
  directives: ResponseDirectives,
  lifetime: Lifetime | undefined,
  times: Times,
  range: ContentRange | undefined,
  bodyId: string
): ResponseEntry {
  const headers = response.headers
  const date = parseHttpDate(headers.get('date'), times.responseTime)
  let fields = storedFields(response, directives)
  // RFC 9110 §6.6.1: a recipient with a clock adds a missing Date.
  if (headers.get('date') === undefined) fields += `Date: ${formatHttpDate(times.responseTime)}\r\n`
  const ageValue = parseAge(headers.get('age'))
  const milliseconds = (seconds: number | undefined) => (seconds === undefined ? undefined : seconds * 1000)
  return {
    kind: 'response',
    status: response.status,
    reason: response.reason ?? '',
    range,
    bodyId,
    tags: tagsOf(headers),
    fields,
    storedAt: times.storedAt,
    initialAge: initialAge({ ageValue, date, ...times }),
    lifetime: lifetime?.ms ?? 0,
    staleWhileRevalidate: milliseconds(directives.staleWhileRevalidate),
    staleIfError: milliseconds(directives.staleIfError),
    noCache: directives.noCache,
    mustRevalidate: directives.mustRevalidate || directives.proxyRevalidate,
    sharedLifetime: directives.sMaxage !== undefined,
    etag: headers.get('etag'),
    lastModified: headers.get('last-modified'),
    date: date ?? times.responseTime
  }
}

export interface Freshened {
  readonly entry: ResponseEntry
  /** Fields of the new response that go to the client of this request and are not stored, Set-Cookie for example. */
  readonly own: string
  readonly directives: ResponseDirectives
}

/** A stored entry after a 304 or a HEAD: the new response gives its fields, age and freshness (RFC 9111 §3.2). */
export function freshenedEntry(
  entry: ResponseEntry,
  response: CacheResponse,
  config: RouteCache,
  times: Times
): Freshened {
  let directives = responseDirectives(response.headers)
  // The new response has neither field: the stored ones stay.
  const block = updatedFields(entry.fields, response, directives)
  const merged = new FieldBlock(block)
  directives = responseDirectives(merged)
  const view: CacheResponse = {
    status: entry.status,
    reason: entry.reason,
    headers: {
      // Age is not stored, so only the new response can have it; its Date is the time of that response.
      get: (name) => (name === 'age' ? response.headers.get('age') : merged.get(name)),
      forEach: (visit) => merged.forEach(visit)
    }
  }
  const newDate = response.headers.get('date') ?? formatHttpDate(times.responseTime)
  const dated: CacheResponse = {
    ...view,
    headers: { ...view.headers, get: (name) => (name === 'date' ? newDate : view.headers.get(name)) }
  }
  const lifetime = freshnessLifetime(dated, directives, config, times.responseTime)
  const made = makeEntry(dated, directives, lifetime, times, entry.range, entry.bodyId)
  made.forms = entry.forms
  const own = [...directives.noCacheFields, ...directives.privateFields]
  if (keepsCookie(config.setCookie, directives, lifetime))
    return { entry: made, own: fieldsFor(response, own), directives }
  const stored = { ...made, fields: without(made.fields, 'set-cookie') }
  return { entry: stored, own: fieldsFor(response, [...own, 'set-cookie']), directives }
}
