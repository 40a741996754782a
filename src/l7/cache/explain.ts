import type { CacheCore } from './cache-core.ts'
import { entryOf } from './entry.ts'
import { requestDirectives } from './policy/request-directives.ts'
import { currentAge, reuse } from './policy/reuse.ts'
import { hasOriginCondition } from './policy/validators.ts'
import { variantKey } from './policy/vary.ts'
import type { CacheRequest, StoredRecord } from './ports.ts'
import { pending } from './ports.ts'
import { variantFor } from './storing.ts'

/** What would happen to a request, for `lb explain`; asking changes nothing but how hot an entry looks. */
export interface CacheExplanation {
  /** Undefined: the request is not looked up. */
  readonly key: string | undefined
  /** The request's values of the fields that the stored response varies by, `name:value` each. */
  readonly variant: readonly string[]
  readonly outcome: 'bypass' | 'miss' | 'wait' | 'hit' | 'stale' | 'revalidate'
  /** One sentence. */
  readonly why: string
  readonly ageSeconds?: number
  /** Negative when stale. */
  readonly ttlSeconds?: number
}

export function explain(core: CacheCore, request: CacheRequest, now: number): CacheExplanation {
  const bypass = (why: string): CacheExplanation => ({ key: undefined, variant: [], outcome: 'bypass', why })
  const directives = requestDirectives(request.headers)
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return bypass(`${request.method} is not answered from a cache`)
  if (directives.noStore) return bypass('the request says no-store')
  if (hasOriginCondition(request.headers))
    return bypass('If-Match and If-Unmodified-Since are for the origin')
  const baseKey = core.keys.key(request)
  if (baseKey === undefined) return bypass('the key would be too long')

  let key = baseKey
  let variant: string[] = []
  let record = find(core, key)
  let entry = record === undefined || record.state === 'reserved' ? undefined : entryOf(record)
  if (entry?.kind === 'vary') {
    record?.release()
    variant = variantKey(entry.names, request.headers).split('\n').slice(1)
    key = variantFor(baseKey, entry, request.headers)
    record = find(core, key)
    entry = record === undefined || record.state === 'reserved' ? undefined : entryOf(record)
  }
  const state = record?.state
  record?.release()
  const told = { key, variant }
  if (state === undefined || state === 'gone')
    return { ...told, outcome: 'miss', why: 'nothing is stored under the key' }
  if (state === 'reserved') return { ...told, outcome: 'wait', why: 'another request is fetching it' }
  if (entry?.kind === 'pass') {
    return { ...told, outcome: 'miss', why: 'the last answer was not storable, so nobody waits for the next' }
  }
  if (entry?.kind !== 'response') return { ...told, outcome: 'miss', why: 'nothing is stored under the key' }
  const age = currentAge(entry, now)
  const times = { ageSeconds: Math.floor(age / 1000), ttlSeconds: Math.floor((entry.lifetime - age) / 1000) }
  const use = reuse(entry, directives, core.config, now)
  if (use === 'fresh') return { ...told, ...times, outcome: 'hit', why: 'it is fresh' }
  if (use === 'stale')
    return { ...told, ...times, outcome: 'stale', why: 'the request takes it although stale' }
  if (use === 'stale-while-revalidate') {
    return {
      ...told,
      ...times,
      outcome: 'stale',
      why: 'stale-while-revalidate: it is renewed in the background'
    }
  }
  const why =
    directives.noCache || directives.maxAge !== undefined
      ? 'the request asks for it'
      : 'it is stale or no-cache'
  return { ...told, ...times, outcome: 'revalidate', why }
}

function find(core: CacheCore, key: string): StoredRecord | undefined {
  const record = core.store.lookup(key, (late) => late?.release())
  return record === pending ? undefined : record
}
