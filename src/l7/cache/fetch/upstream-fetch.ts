import type { CacheCore } from '../cache-core.ts'
import { partKey } from '../cache-core.ts'
import { statusForwarded, statusHit } from '../decide/cache-status.ts'
import type { Combine, Fetch, FetchResult, Hit } from '../decide/decision.ts'
import type { ResponseEntry } from '../entry.ts'
import { entryOf } from '../entry.ts'
import type { FetchPlan, Stored } from './fetch-plan.ts'
import { hitOf } from './hits.ts'
import { BodyReader } from './body-reader.ts'
import { freshenedEntry, makeEntry, timesOf } from './make-entry.ts'
import { invalidate } from './invalidate.ts'
import { completes, partOf } from './partial.ts'
import type { Directives } from '../policy/cache-control.ts'
import { freshnessLifetime } from '../policy/freshness.ts'
import { isChange } from '../policy/invalidation.ts'
import { responseDirectives } from '../policy/response-directives.ts'
import { currentAge, usableOnError } from '../policy/reuse.ts'
import { whyNotStorable } from '../policy/storable.ts'
import { confirms, isConditional } from '../policy/validators.ts'
import type { CacheRequest, CacheResponse, RecordWriter } from '../ports.ts'
import type { Home, Place } from './storing.ts'
import { beginPart, beginResponse, homeOf, newId, passFor, peek, renew } from './storing.ts'

/** One request to upstream for the cache. However it ends, it releases every claim and record it holds. */
export class UpstreamFetch implements Fetch {
  readonly kind = 'fetch'
  readonly remove: readonly string[]
  readonly add: readonly (readonly [string, string])[]
  readonly #core: CacheCore
  readonly #request: CacheRequest
  readonly #directives: Directives
  readonly #plan: FetchPlan
  readonly #startedAt: number
  /** The cache added the validators, so the cache handles a 304. */
  readonly #validates: boolean

  constructor(core: CacheCore, request: CacheRequest, directives: Directives, plan: FetchPlan, now: number) {
    this.#core = core
    this.#request = request
    this.#directives = directives
    this.#plan = plan
    this.#startedAt = now
    const add: [string, string][] = []
    const entry = plan.stale?.entry
    if (entry?.etag !== undefined) add.push(['If-None-Match', entry.etag])
    if (entry?.lastModified !== undefined) add.push(['If-Modified-Since', entry.lastModified])
    this.#validates = add.length > 0
    const part = plan.prefix?.entry
    if (part?.range !== undefined && part.etag !== undefined) {
      add.push(['Range', `bytes=${part.range.last + 1}-`], ['If-Range', part.etag])
    }
    this.add = add
    const own = add.length > 0 || plan.background === true
    this.remove = own ? ['if-none-match', 'if-modified-since', 'range', 'if-range'] : []
  }

  get cacheStatus(): string {
    return statusForwarded({ forward: this.#plan.forward })
  }

  onResponse(response: CacheResponse, bytes: number | undefined, now: number): FetchResult {
    const { place } = this.#plan
    if (!isChange(this.#request.method, response.status)) return this.#answered(place, response, bytes, now)
    const { store } = this.#core
    const after = invalidate(this.#core, this.#request, response, place)
    const result = this.#answered(after, response, bytes, now)
    if (result.kind !== 'pass') return result
    return { ...result, whenRemoved: (known) => store.whenRemoved(known) }
  }

  #answered(
    place: Place | undefined,
    response: CacheResponse,
    bytes: number | undefined,
    now: number
  ): FetchResult {
    const { stale } = this.#plan
    if (place === undefined) return this.#pass(response, undefined, this.#plan.bypass)
    if (response.status === 304) {
      if (this.#validates && stale !== undefined) return this.#onNotModified(place, stale, response, now)
      // The client's own condition held: there is nothing to store, and the 304 says nothing about what other clients
      // would get.
      this.#plan.claim?.abandon()
      return this.#pass(response, undefined, undefined)
    }
    if (stale !== undefined && response.status >= 500 && response.status <= 504 && response.status !== 501) {
      const hit = this.#standIn(stale, false, now)
      if (hit !== undefined) return { kind: 'answer', hit }
    }
    const again = this.#withoutPrefix(place, response, now)
    if (again !== undefined) return again
    this.#countMiss()
    if (this.#request.method === 'HEAD') return this.#onHead(place, response, bytes, now)
    return this.#store(place, response, bytes, now)
  }

  onError(now: number): Hit | undefined {
    const { stale } = this.#plan
    const hit = stale === undefined ? undefined : this.#standIn(stale, true, now)
    if (hit !== undefined) return hit
    this.#countMiss()
    this.abandon()
    return undefined
  }

  abandon(): void {
    const { claim, validation, stale, prefix } = this.#plan
    claim?.abandon()
    validation?.abandon()
    stale?.record.release()
    prefix?.record.release()
  }

  /** Counts a revalidation that did not end with 304; other fetches were counted when they were decided. */
  #countMiss(): void {
    if (this.#plan.stale !== undefined && this.#plan.background !== true) this.#core.counters.add('miss')
  }

  #pass(response: CacheResponse, writer: RecordWriter | undefined, detail: string | undefined): FetchResult {
    const { forward, validation, stale, prefix } = this.#plan
    validation?.abandon()
    stale?.record.release()
    prefix?.record.release()
    const forwarded = { forward, forwardStatus: response.status, stored: writer !== undefined, detail }
    return { kind: 'pass', writer, forwarded, combine: undefined }
  }

  #store(place: Place, response: CacheResponse, bytes: number | undefined, now: number): FetchResult {
    const { claim } = this.#plan
    if (place.epoch !== this.#core.store.epochOf(place.baseKey)) {
      claim?.abandon()
      return this.#pass(response, undefined, 'purged')
    }
    const directives = responseDirectives(response.headers)
    const times = timesOf(this.#core.clock, this.#startedAt, now)
    const lifetime = freshnessLifetime(response, directives, this.#core.config, times.responseTime)
    const { setCookie } = this.#core.config
    const why = whyNotStorable(this.#request, this.#directives, response, directives, lifetime, setCookie)
    if (why !== undefined) {
      if (claim !== undefined) passFor(claim, place, response.status, now)
      return this.#pass(response, undefined, why)
    }
    if (response.status === 206) {
      const part = partOf(response, bytes)
      if (part === undefined) {
        claim?.abandon()
        return this.#pass(response, undefined, 'range')
      }
      const entry = makeEntry(response, directives, lifetime, times, part, newId(this.#core))
      const home = this.#home(place, entry, response)
      if (home === undefined) return this.#varies(place, response, now)
      const combined = this.#complete(home, entry, response)
      if (combined !== undefined) return combined
      return this.#pass(response, beginPart(this.#core, home, entry, part), undefined)
    }
    const entry = makeEntry(response, directives, lifetime, times, undefined, newId(this.#core))
    if (bytes !== undefined && bytes > this.#core.store.maxObjectBytes) {
      if (claim !== undefined) passFor(claim, place, response.status, now)
      return this.#pass(response, undefined, 'too-large')
    }
    const home = this.#home(place, entry, response)
    if (home === undefined) return this.#varies(place, response, now)
    const writer = beginResponse(this.#core, home, entry, bytes)
    return this.#pass(response, writer, writer === undefined ? 'no-room' : undefined)
  }

  #home(place: Place, entry: ResponseEntry, response: CacheResponse): Home | undefined {
    const home = { place, claim: this.#plan.claim }
    return homeOf(this.#core, this.#request, home, entry, response.headers.get('vary'))
  }

  /** The response varies by too many fields, together with what is stored already. */
  #varies(place: Place, response: CacheResponse, now: number): FetchResult {
    const { claim } = this.#plan
    if (claim !== undefined) passFor(claim, place, response.status, now)
    return this.#pass(response, undefined, 'vary')
  }

  /**
   * The client asked for the whole, and the answer to the added range does not complete the stored part: the
   * representation changed, and upstream does not support If-Range.
   */
  #withoutPrefix(place: Place, response: CacheResponse, now: number): FetchResult | undefined {
    const { prefix, ...plan } = this.#plan
    if (prefix === undefined || (response.status !== 206 && response.status !== 416)) return undefined
    const range = partOf(response, undefined)
    const entry = makeEntry(
      response,
      responseDirectives(response.headers),
      undefined,
      timesOf(this.#core.clock, this.#startedAt, now),
      range,
      ''
    )
    if (response.status === 206 && completes(prefix.entry, entry)) return undefined
    prefix.record.release()
    this.#core.store.remove(partKey(place.key))
    return { kind: 'again', fetch: new UpstreamFetch(this.#core, this.#request, this.#directives, plan, now) }
  }

  /** Upstream sent the rest of a stored part: client and store both get the whole body. */
  #complete(home: Home, entry: ResponseEntry, response: CacheResponse): FetchResult | undefined {
    const prefix = this.#plan.prefix
    const range = entry.range
    if (prefix?.entry.range === undefined || range?.complete === undefined) return undefined
    if (!completes(prefix.entry, entry)) return undefined
    const from = prefix.entry.range.last + 1
    const reader = new BodyReader(prefix.record, 0, from)
    const writer = beginPart(this.#core, home, entry, range)
    const stored = writer !== undefined
    const fields = entry.fields.replace(/^content-range: .*\r\n/gim, '')
    const combine: Combine = { status: 200, fields, bytes: range.complete, reader }
    const forwarded = { forward: 'partial', forwardStatus: response.status, stored } as const
    return { kind: 'pass', writer, forwarded, combine }
  }

  #onNotModified(place: Place, stale: Stored, response: CacheResponse, now: number): FetchResult {
    const core = this.#core
    core.counters.add('revalidated')
    let served = stale.entry
    if (confirms(response.headers, stale.entry, now)) {
      const fresh = freshenedEntry(
        stale.entry,
        response,
        core.config,
        timesOf(this.#core.clock, this.#startedAt, now)
      )
      served = fresh.own === '' ? fresh.entry : { ...fresh.entry, fields: fresh.entry.fields + fresh.own }
      renew(core, this.#request, place, fresh, response, stale.record)
    } else {
      // RFC 9111 §4.3.4: a 304 about another representation must not freshen this one; the next request fetches it
      // again.
      core.store.remove(place.key)
    }
    this.#plan.validation?.abandon()
    this.#plan.claim?.abandon()
    const status = statusForwarded({ forward: this.#plan.forward, forwardStatus: 304 })
    const hit = hitOf(this.#request, served, stale.record, undefined, status, now)
    if (hit !== undefined) return { kind: 'answer', hit }
    // A complete record answers every request, so this should not happen; passing the 304 on is still correct.
    return this.#pass(response, undefined, undefined)
  }

  /** RFC 9111 §4.3.5: the response to a HEAD freshens the stored one, or shows a change. It is not stored itself. */
  #onHead(place: Place, response: CacheResponse, bytes: number | undefined, now: number): FetchResult {
    const core = this.#core
    const record =
      response.status === 200 && !isConditional(this.#request.headers) ? peek(core, place.key) : undefined
    const entry = record === undefined ? undefined : entryOf(record)
    if (record !== undefined && entry?.kind === 'response' && entry.status === 200) {
      const same =
        confirms(response.headers, entry, now) && (bytes === undefined || bytes === record.available)
      const fresh = freshenedEntry(
        entry,
        response,
        core.config,
        timesOf(this.#core.clock, this.#startedAt, now)
      )
      if (same) renew(core, this.#request, place, fresh, response, record)
      else core.store.remove(place.key)
    }
    record?.release()
    return this.#pass(response, undefined, undefined)
  }

  #standIn(stale: Stored, disconnected: boolean, now: number): Hit | undefined {
    if (!usableOnError(stale.entry, this.#directives, this.#core.config, disconnected, now)) return undefined
    const { claim, validation } = this.#plan
    const status = statusHit(stale.entry.lifetime - currentAge(stale.entry, now), 'stale-if-error')
    // The hit takes over the record.
    const hit = hitOf(this.#request, stale.entry, stale.record, undefined, status, now)
    if (hit === undefined) return undefined
    this.#core.counters.add('stale')
    claim?.abandon()
    validation?.abandon()
    return hit
  }
}
