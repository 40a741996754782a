import type { RouteCache } from '../../../config/model/model.ts'
import { partKey } from '../cache-core.ts'
import { entryOf } from '../entry.ts'
import type { KeyPart } from './key.ts'
import { KeyMaker } from './key.ts'
import { requestDirectives } from '../policy/request-directives.ts'
import { currentAge, reuse, revalidatedFor } from '../policy/reuse.ts'
import { hasOriginCondition } from '../policy/validators.ts'
import { variantKey } from '../policy/vary.ts'
import type { CacheRequest, CacheStore, StoredRecord } from '../ports.ts'
import { pending } from '../ports.ts'
import { variantFor } from '../fetch/storing.ts'

/** What would happen to a request, for `lb explain`. It changes nothing, except that an entry counts as used. */
export interface CacheExplanation {
  /** Absent when the request is not looked up. */
  readonly key?: string
  /** What the key is made of. */
  readonly parts: readonly KeyPart[]
  /** The request's values of the fields in the stored response's Vary. */
  readonly variant: readonly KeyPart[]
  /** `unknown`: there is no store to look into. */
  readonly outcome: 'bypass' | 'miss' | 'wait' | 'hit' | 'stale' | 'revalidate' | 'unknown'
  /** One sentence. */
  readonly why: string
  /** Facts about the stored response. */
  readonly status?: number
  readonly bytes?: number
  readonly ageSeconds?: number
  /** Negative when stale. */
  readonly ttlSeconds?: number
}

/** With `store` undefined, only the key is explained. */
export function explain(
  config: RouteCache,
  store: CacheStore | undefined,
  request: CacheRequest,
  now: number
): CacheExplanation {
  const bypass = (why: string): CacheExplanation => ({ parts: [], variant: [], outcome: 'bypass', why })
  const directives = requestDirectives(request.headers)
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return bypass(
      `${request.method} is not answered from a cache; a success removes what is stored for the URL`
    )
  if (directives.noStore) return bypass('the request says no-store')
  if (hasOriginCondition(request.headers))
    return bypass('If-Match and If-Unmodified-Since are for the origin')
  if (request.body === true) return bypass('the request has a body, which is in no key')
  const keys = new KeyMaker(config.key)
  const baseKey = keys.key(request)
  if (baseKey === undefined)
    return bypass(
      'the key would be too long, or a cookie of it is there twice or in a form that servers read differently'
    )

  const parts = keys.parts(request)
  if (store === undefined) {
    const why = 'only a running lb knows what is stored'
    return { key: baseKey, parts, variant: [], outcome: 'unknown', why }
  }
  let key = baseKey
  let variant: readonly KeyPart[] = []
  let record = find(store, key)
  let entry = record === undefined || record.state === 'reserved' ? undefined : entryOf(record)
  if (entry?.kind === 'vary') {
    record?.release()
    variant = variantKey(entry.names, request).split('\n').slice(1).map(fieldPart)
    key = variantFor(baseKey, entry, request)
    record = find(store, key)
    entry = record === undefined || record.state === 'reserved' ? undefined : entryOf(record)
  }
  if (record === undefined && request.headers.get('range') !== undefined) {
    record = find(store, partKey(key))
    entry = record?.state === 'complete' ? entryOf(record) : undefined
  }
  const state = record?.state
  const bytes = record?.bytes
  record?.release()
  const base = { key, parts, variant }
  if (state === 'reserved') return { ...base, outcome: 'wait', why: 'another request is fetching it' }
  if (state === 'gone' || entry === undefined)
    return { ...base, outcome: 'miss', why: 'nothing is stored under the key' }
  if (entry.kind === 'pass') {
    return { ...base, outcome: 'miss', why: 'the last answer was not storable, so nobody waits for the next' }
  }
  if (entry.kind !== 'response') return { ...base, outcome: 'miss', why: 'nothing is stored under the key' }
  const age = currentAge(entry, now)
  const facts = {
    ...base,
    status: entry.status,
    ...(bytes === undefined ? {} : { bytes }),
    ageSeconds: Math.floor(age / 1000),
    ttlSeconds: Math.floor((entry.lifetime - age) / 1000)
  }
  switch (reuse(entry, directives, config, now)) {
    case 'fresh':
      return {
        ...facts,
        outcome: 'hit',
        why: entry.range === undefined ? 'it is fresh' : 'a part of it is stored, and fresh'
      }
    case 'stale':
      return { ...facts, outcome: 'stale', why: 'the request takes it although stale' }
    case 'stale-while-revalidate': {
      const why = 'stale-while-revalidate: it is renewed in the background'
      return { ...facts, outcome: 'stale', why }
    }
    case 'revalidate': {
      const stale = entry.noCache ? 'the stored response says no-cache' : 'it is stale'
      const asked = revalidatedFor(entry, directives, now) === 'request'
      return { ...facts, outcome: 'revalidate', why: asked ? 'the request asks for it' : stale }
    }
  }
}

function fieldPart(line: string): KeyPart {
  const colon = line.indexOf(':')
  const value = line.slice(colon + 1)
  return { kind: 'header', name: line.slice(0, colon), ...(value === '\r' ? {} : { value }) }
}

function find(store: CacheStore, key: string): StoredRecord | undefined {
  const record = store.lookup(key, (late) => late?.release())
  return record === pending ? undefined : record
}
