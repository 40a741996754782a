import type { RouteCache } from '../../config/model/model.ts'
import type { Clock } from '../../core/clock.ts'
import type { Random } from '../../core/random.ts'
import type { CacheCore } from './cache-core.ts'
import { partKey, validationKey } from './cache-core.ts'
import { statusUnanswered, type ForwardReason } from './decide/cache-status.ts'
import type { Decision, Fetch, Wait } from './decide/decision.ts'
import { asGet } from './decide/as-get.ts'
import { completable, hitFromPart } from './partial-content.ts'
import { entryOf, type Entry, type VaryEntry } from './entry.ts'
import { explain, type CacheExplanation } from './decide/explain.ts'
import { findForms } from './forms/find-forms.ts'
import { hitOf } from './fetch/hits.ts'
import { KeyMaker } from './decide/key.ts'
import type { Directives } from './policy/cache-control.ts'
import { requestDirectives } from './policy/request-directives.ts'
import { reuse, revalidatedFor } from './policy/reuse.ts'
import { hasOriginCondition } from './policy/validators.ts'
import type { CacheCounters, CacheRequest, CacheStore, Claim, StoredRecord } from './ports.ts'
import { pending } from './ports.ts'
import { awaitNewer, awaitStore } from './fetch/await-store.ts'
import type { Place } from './fetch/storing.ts'
import { peek, variantFor } from './fetch/storing.ts'
import type { Bypass, FetchPlan, Stored } from './fetch/fetch-plan.ts'
import { mayShare, releaseLate, waitFor } from './fetch/waiting.ts'
import { steadyNow } from './steady-now.ts'
import { UpstreamFetch } from './fetch/upstream-fetch.ts'

export interface HttpCacheOptions {
  readonly config: RouteCache
  readonly store: CacheStore
  readonly counters: CacheCounters
  readonly clock: Clock
  readonly random: Random
}

/** After this many failed fetches by others, a waiting request fetches for itself. */
const maxRounds = 3

/**
 * The cache of one route over a store that other routes and workers share. Protocol-neutral: it decides, and the engine
 * moves the bytes. `now` is steadyNow throughout.
 */
export class HttpCache {
  readonly #core: CacheCore
  readonly #clock: Clock

  constructor(options: HttpCacheOptions) {
    const { config, store, counters, random } = options
    this.#clock = options.clock
    this.#core = { config, store, counters, random, clock: this.#clock, keys: new KeyMaker(config.key) }
  }

  get keys(): KeyMaker {
    return this.#core.keys
  }

  /** Decides what to do with a request; its method and target are those that upstream would see. */
  lookup(request: CacheRequest, now: number): Decision {
    return this.#decide(request, requestDirectives(request.headers), now, 0)
  }

  explain(request: CacheRequest, now: number): CacheExplanation {
    return explain(this.#core.config, this.#core.store, request, now)
  }

  #decide(request: CacheRequest, directives: Directives, now: number, round: number): Decision {
    const { method, headers } = request
    if (method !== 'GET' && method !== 'HEAD') return this.#unsafe(request, directives, now)
    if (directives.noStore) return this.#bypass(request, directives, 'request-no-store', now)
    if (hasOriginCondition(headers)) return this.#bypass(request, directives, 'condition', now)
    if (request.body === true) return this.#bypass(request, directives, 'request-body', now)
    const baseKey = this.#core.keys.key(request)
    if (baseKey === undefined) return this.#bypass(request, directives, 'key', now)

    const { epoch } = this.#core.store
    let record = this.#core.store.lookup(baseKey, releaseLate, request.waits?.sharedWaitMs)
    if (record === pending) return this.#awaitStore(request, directives, baseKey)
    let entry = record === undefined || record.state === 'reserved' ? undefined : entryOf(record)
    let marker: VaryEntry | undefined
    let key = baseKey
    if (entry?.kind === 'vary') {
      marker = entry
      ;(record as StoredRecord).release()
      key = variantFor(baseKey, marker, request)
      record = this.#core.store.lookup(key, releaseLate, request.waits?.sharedWaitMs)
      if (record === pending) return this.#awaitStore(request, directives, key)
      entry = record === undefined || record.state === 'reserved' ? undefined : entryOf(record)
    }
    if (entry?.kind === 'response') findForms(entry, this.#core.store, key, epoch)
    // The usual case of a warm cache; deciding it here saves 0.2 µs.
    if (entry?.kind === 'response' && record!.state === 'complete') {
      const fresh = reuse(entry, directives, this.#core.config, now) === 'fresh'
      const hit = fresh ? hitOf(request, entry, record!, undefined, undefined, now) : undefined
      if (hit !== undefined) {
        this.#core.counters.add(round > 0 ? 'coalesced' : 'hit')
        return hit
      }
    }
    const place: Place = { baseKey, marker, key, epoch: this.#core.store.epochOf(baseKey), askedAt: now }
    if (record === undefined) return this.#miss(request, directives, place, true, now, round)
    return this.#found(request, directives, place, record, entry, now, round)
  }

  #found(
    request: CacheRequest,
    directives: Directives,
    place: Place,
    record: StoredRecord,
    entry: Entry | undefined,
    now: number,
    round: number
  ): Decision {
    if (record.state === 'reserved') {
      if (round < maxRounds && this.#core.config.coalesce && mayShare(request, directives))
        return this.#wait(request, directives, record, place.key, round)
      record.release()
      return this.#miss(request, directives, place, false, now, round)
    }
    if (entry?.kind !== 'response') {
      record.release()
      const passes = entry?.kind === 'pass' && entry.until > now
      // An expired entry would prevent a claim.
      if (!passes && record.state === 'complete') this.#core.store.remove(place.key)
      return this.#miss(request, directives, place, !passes, now, round)
    }
    const use = reuse(entry, directives, this.#core.config, now)
    if (use === 'revalidate' || record.state === 'gone') {
      if (record.state === 'complete')
        return this.#revalidate(request, directives, place, { entry, record }, now, round)
      record.release()
      return this.#miss(request, directives, place, false, now, round)
    }
    const filling = record.state === 'filling'
    let refresh: Fetch | undefined
    if (use === 'stale-while-revalidate' && !filling) refresh = this.#refresh(request, directives, place, now)
    const hit = hitOf(request, entry, record, refresh, undefined, now)
    if (hit === undefined) {
      refresh?.abandon()
      record.release()
      return this.#miss(request, directives, place, false, now, round)
    }
    this.#core.counters.add(filling || round > 0 ? 'coalesced' : use === 'fresh' ? 'hit' : 'stale')
    return filling ? { ...hit, stalled: () => void this.#giveUp(place.key, record) } : hit
  }

  /** The fill makes no progress: later requests must not find it. */
  #giveUp(key: string, record: StoredRecord): void {
    if (record.state === 'filling') this.#core.store.remove(key)
  }

  /** Nothing usable is stored under `place.key`. `claimable`: this request may fetch while others wait for it. */
  #miss(
    request: CacheRequest,
    directives: Directives,
    place: Place,
    claimable: boolean,
    now: number,
    round: number
  ): Decision {
    const { store, counters } = this.#core
    const part = request.method === 'GET' ? peek(this.#core, partKey(place.key)) : undefined
    if (part !== undefined) {
      const hit = hitFromPart(this.#core, request, directives, part, now)
      if (hit !== undefined) return hit
    }
    if (directives.onlyIfCached) {
      part?.release()
      return { kind: 'gateway-timeout', cacheStatus: statusUnanswered('only-if-cached') }
    }
    let claim: Claim | undefined
    if (claimable && this.#core.config.coalesce && mayShare(request, directives)) {
      const got = store.claim(place.key, false)
      if (got !== undefined && 'begin' in got) claim = got
      else if (got !== undefined) {
        // Another request claimed the key between lookup and claim. No fetch has failed, so the round is not counted.
        part?.release()
        if (got.state === 'reserved')
          return this.#found(request, directives, place, got, undefined, now, round)
        return this.#found(request, directives, place, got, entryOf(got), now, round + 1)
      }
    }
    counters.add('miss')
    const missed: ForwardReason = place.marker === undefined ? 'uri-miss' : 'vary-miss'
    const forward = part === undefined ? missed : 'partial'
    const prefix = completable(request, part)
    if (prefix === undefined) part?.release()
    return this.#fetch(request, directives, { forward, place, claim, prefix }, now)
  }

  #revalidate(
    request: CacheRequest,
    directives: Directives,
    place: Place,
    stale: Stored,
    now: number,
    round: number
  ): Decision {
    const { entry, record } = stale
    if (directives.onlyIfCached) {
      record.release()
      return { kind: 'gateway-timeout', cacheStatus: statusUnanswered('only-if-cached') }
    }
    let validation: Claim | undefined
    // Do not wait for a response that must be revalidated each time: the next waiter would have to ask again anyway.
    const lasting =
      entry.lifetime > 0 && !entry.noCache && !directives.noCache && directives.maxAge === undefined
    if (lasting && this.#core.config.coalesce && mayShare(request, directives)) {
      const again = () => this.#decide(request, directives, steadyNow(this.#clock), 1)
      const wait = round === 0 ? awaitNewer(this.#core, place.key, request.waits, again) : undefined
      if (wait !== undefined) {
        record.release()
        return wait
      }
      const got = this.#core.store.claim(validationKey(place.key), false)
      if (got !== undefined && 'begin' in got) validation = got
      else if (got?.state === 'reserved' && round < maxRounds) {
        record.release()
        return this.#wait(request, directives, got, validationKey(place.key), round)
      } else got?.release()
    }
    const forward = revalidatedFor(entry, directives, now)
    return this.#fetch(request, directives, { forward, place, validation, stale }, now)
  }

  /** The background request of stale-while-revalidate, unless one is under way. */
  #refresh(request: CacheRequest, directives: Directives, place: Place, now: number): Fetch | undefined {
    const validation = this.#core.store.claim(validationKey(place.key), false)
    if (validation === undefined) return undefined
    if (!('begin' in validation)) {
      validation.release()
      return undefined
    }
    const record = peek(this.#core, place.key)
    const entry = record === undefined ? undefined : entryOf(record)
    if (record === undefined || entry?.kind !== 'response') {
      record?.release()
      validation.abandon()
      return undefined
    }
    return this.#fetch(
      asGet(request),
      directives,
      { forward: 'stale', place, validation, stale: { entry, record }, background: true },
      now
    )
  }

  #unsafe(request: CacheRequest, directives: Directives, now: number): Fetch {
    const key = request.method === 'POST' ? this.#core.keys.key(request) : undefined
    const at = (baseKey: string) => ({ epoch: this.#core.store.epochOf(baseKey), askedAt: now })
    const place = key === undefined ? undefined : { baseKey: key, marker: undefined, key, ...at(key) }
    this.#core.counters.add('bypass')
    return this.#fetch(request, directives, { forward: 'method', place }, now)
  }

  #bypass(request: CacheRequest, directives: Directives, bypass: Bypass, now: number): Fetch {
    this.#core.counters.add('bypass')
    const forward = bypass === 'request-no-store' || bypass === 'condition' ? 'request' : 'bypass'
    return this.#fetch(request, directives, { forward, place: undefined, bypass }, now)
  }

  #fetch(request: CacheRequest, directives: Directives, plan: FetchPlan, now: number): Fetch {
    return new UpstreamFetch(this.#core, request, directives, plan, now)
  }

  #wait(
    request: CacheRequest,
    directives: Directives,
    record: StoredRecord,
    key: string,
    round: number
  ): Wait {
    const again = () => this.#decide(request, directives, steadyNow(this.#clock), round + 1)
    const alone = () => {
      // The holder of the claim takes longer than requests wait, so it must not keep the key.
      if (record.state === 'reserved') this.#core.store.remove(key)
      return this.#decide(request, directives, steadyNow(this.#clock), maxRounds)
    }
    return waitFor(this.#clock, again, alone, (wake) => {
      const cancel = record.onProgress(wake)
      // The state may have changed between the lookup and now.
      if (record.state !== 'reserved') wake()
      return () => {
        cancel()
        record.release()
      }
    })
  }

  #awaitStore(request: CacheRequest, directives: Directives, key: string): Wait {
    const again = () => this.#decide(request, directives, steadyNow(this.#clock), 0)
    const alone = () => this.#bypass(request, directives, 'store', steadyNow(this.#clock))
    return awaitStore(this.#core, key, request.waits, again, alone)
  }
}
