import { partKey } from '../../l7/cache/cache-core.ts'
import type { CacheStore, Claim, Purge, StoredRecord } from '../../l7/cache/ports.ts'
import { pending } from '../../l7/cache/ports.ts'
import type { Confirmations } from './confirm/confirmations.ts'
import { Load, type Loaded } from './load.ts'
import type { Waiting } from './publication.ts'
import type { RemoteCache } from './remote-cache.ts'
import { Removals } from './removals.ts'
import { TierClaim } from './tier-claim.ts'

/** After an unsuccessful load, Redis is not asked for the key for this long. */
const SKIP_MS = 1000
const MAX_SKIPPED = 8192
/** Loads under way in one thread; further requests go to upstream. */
const MAX_LOADS = 1024

type Settle = (record: StoredRecord | undefined, askedMs: number) => void

/**
 * The memory of this instance, with Redis behind it. An entry in memory is used as if there were no Redis. Others are
 * looked up in Redis and loaded into memory before use; new entries are stored in both.
 */
export class TieredStore implements CacheStore {
  readonly maxObjectBytes: number
  readonly #memory: CacheStore
  readonly #remote: RemoteCache
  readonly #loads = new Map<string, Settle[]>()
  /** Claims from Redis; the waiting request takes them in the same turn. */
  readonly #ready = new Map<string, Claim>()
  readonly #skipped = new Map<string, number>()
  /** Lookups for something newer than the entry in memory. */
  readonly #seeks = new Map<string, ((askedMs: number) => void)[]>()
  readonly #waiting: Waiting = { bytes: 0 }
  readonly #removals: Removals
  readonly #count: (result: Loaded['kind']) => void

  /** `thread`: its number, 0 for the main thread. */
  constructor(
    memory: CacheStore,
    remote: RemoteCache,
    thread: number,
    count: (result: Loaded['kind']) => void = () => {},
    confirmations?: Confirmations
  ) {
    this.#count = count
    this.maxObjectBytes = memory.maxObjectBytes
    this.#memory = memory
    this.#remote = remote
    this.#removals = new Removals(remote, thread, confirmations)
  }

  get near(): CacheStore {
    return this.#memory
  }

  get epoch(): number {
    return this.#memory.epoch
  }

  epochOf(key: string): number {
    return this.#memory.epochOf(key)
  }

  peek(key: string): StoredRecord | undefined {
    return this.#memory.peek(key)
  }

  lookup(key: string, settle: Settle, waitedMs = 0): StoredRecord | undefined | typeof pending {
    const record = this.#memory.peek(key)
    if (record?.state === 'reserved') {
      const own = this.#ready.has(key)
      const settles = own ? undefined : this.#loads.get(key)
      if (own || settles !== undefined) record.release()
      if (own) return undefined
      if (settles !== undefined) {
        settles.push(settle)
        return pending
      }
    }
    const leftMs = this.#remote.timeoutMs - waitedMs
    if (record !== undefined || leftMs <= 0 || !this.#mayLoad(key)) return record
    return this.#load(key, settle, leftMs)
  }

  seekNewer(key: string, settle: (askedMs: number) => void, waitedMs = 0): boolean {
    const withinMs = this.#remote.timeoutMs - waitedMs
    if (withinMs <= 0) return false
    const under = this.#seeks.get(key)
    if (under !== undefined) return under.push(settle) > 0
    const skip = `${key}\n#n`
    if (this.#seeks.size >= MAX_LOADS || !this.#mayLoad(skip)) return false
    const record = this.#memory.peek(key)
    const than = record?.state === 'complete' ? record.info : undefined
    record?.release()
    if (than === undefined) return false
    const claim = this.#memory.claim(key, true)
    if (claim === undefined) return false
    if (!('begin' in claim)) {
      claim.release()
      return false
    }
    const settles = [settle]
    this.#seeks.set(key, settles)
    new Load(this.#memory, this.#remote, key, claim, { claims: false, than, withinMs }, (_, ms) => {
      this.#seeks.delete(key)
      this.#skip(skip)
      for (const each of settles) each(ms)
    })
    return true
  }

  claim(key: string, replace: boolean): Claim | StoredRecord | undefined {
    const ready = this.#ready.get(key)
    if (ready !== undefined) {
      this.#ready.delete(key)
      return ready
    }
    const got = this.#memory.claim(key, replace)
    if (got === undefined || !('begin' in got)) return got
    return new TierClaim(got, this.#remote, key, this.#waiting, undefined)
  }

  remove(key: string): boolean {
    this.#removals.remove(key)
    return this.#memory.remove(key)
  }

  invalidate(key: string): void {
    // In this order: a load that begins in between, in another thread, finds the removal.
    this.#removals.remove(key)
    this.#memory.invalidate(key)
  }

  /** Of a thread: what the operator purges takes another way. */
  purge(what: Purge, staleAt?: number): number {
    this.#removals.purge(what)
    return this.#memory.purge(what, staleAt)
  }

  nextEpoch(): void {
    this.#memory.nextEpoch()
  }

  whenRemoved(known: () => void): boolean {
    return this.#removals.whenRemoved(known)
  }

  #mayLoad(key: string): boolean {
    if (!this.#remote.usable || this.#remote.words.removing(key) || this.#loads.size >= MAX_LOADS)
      return false
    const until = this.#skipped.get(key)
    if (until === undefined) return true
    if (until > this.#remote.now()) return false
    this.#skipped.delete(key)
    return true
  }

  #load(key: string, settle: Settle, withinMs: number): StoredRecord | undefined | typeof pending {
    const claim = this.#memory.claim(key, false)
    if (claim === undefined || !('begin' in claim)) return claim
    const settles = [settle]
    this.#loads.set(key, settles)
    // Loaded beside the whole: a range may be answered from it, or a beginning completed.
    const part = partKey(key)
    let left = 1
    let loaded: Loaded = { kind: 'none' }
    let askedMs = 0
    const one = (ms: number) => {
      askedMs = Math.max(askedMs, ms)
      if (--left === 0) this.#loaded(key, claim, settles, loaded, askedMs)
    }
    const there = this.#memory.peek(part)
    there?.release()
    if (there === undefined && !this.#loads.has(part)) {
      const partClaim = this.#memory.claim(part, false)
      if (partClaim !== undefined && 'begin' in partClaim) {
        left++
        new Load(this.#memory, this.#remote, part, partClaim, { claims: false, withinMs }, (_, ms) => one(ms))
      } else partClaim?.release()
    }
    new Load(this.#memory, this.#remote, key, claim, { claims: true, withinMs }, (found, ms) => {
      loaded = found
      one(ms)
    })
    return pending
  }

  #loaded(key: string, claim: Claim, settles: readonly Settle[], loaded: Loaded, askedMs: number): void {
    this.#loads.delete(key)
    this.#count(loaded.kind)
    if (loaded.kind === 'none') this.#skip(key)
    if (loaded.kind === 'claimed') {
      this.#ready.set(key, new TierClaim(claim, this.#remote, key, this.#waiting, loaded.claim))
    }
    for (const settle of settles)
      settle(loaded.kind === 'stored' ? this.#memory.peek(key) : undefined, askedMs)
    // No request took the claim.
    const left = this.#ready.get(key)
    if (left === undefined) return
    this.#ready.delete(key)
    left.abandon()
  }

  #skip(key: string): void {
    if (this.#skipped.size >= MAX_SKIPPED) this.#skipped.clear()
    this.#skipped.set(key, this.#remote.now() + SKIP_MS)
  }
}
