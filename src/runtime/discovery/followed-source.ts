import { addedItems, applyEdits, listEdits } from '../../balancer/table/list-edits.ts'
import type { BackendConfig, PoolConfig } from '../../config/model/model.ts'
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/log/log.ts'
import type { Random } from '../../core/random.ts'
import { makeSource } from '../../discovery/make-source.ts'
import type { Source } from '../../discovery/source.ts'
import { same } from '../plane/same.ts'

/** The state of a pool's source, for operators. */
export interface SourceView {
  readonly source: string
  /** Backends found. */
  readonly backends: number
  /** Wall clock of the last answer; undefined: none yet. */
  readonly answeredAt: number | undefined
  /** Why the last try failed; undefined if it did not. */
  readonly error: string | undefined
}

export interface FollowedDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** Called when the backends differ from before. */
  readonly changed: () => void
}

/** One pool's source and its last answer. */
export class FollowedSource {
  readonly key: string
  /** Resolves with the first answer or failure. */
  readonly tried: Promise<void>
  found: readonly BackendConfig[]
  failures = 0
  readonly #pool: string
  readonly #deps: FollowedDeps
  readonly #source: Source
  readonly #resolve: () => void
  #answeredAt: number | undefined
  #error: string | undefined

  /** `found`: backends of the pool's previous source; they stay until this one answers. */
  constructor(pool: PoolConfig, key: string, deps: FollowedDeps, found: readonly BackendConfig[]) {
    this.key = key
    this.found = found
    this.#pool = pool.name
    this.#deps = deps
    const { promise, resolve } = Promise.withResolvers<void>()
    this.tried = promise
    this.#resolve = resolve
    const { clock, random, log } = deps
    this.#source = makeSource(pool.discover!, {
      clock,
      random,
      log: {
        warn: (fields, message) => log.warn({ pool: pool.name, ...fields }, `pool ${pool.name}: ${message}`),
        info: (fields, message) => log.info({ pool: pool.name, ...fields }, `pool ${pool.name}: ${message}`)
      },
      found: (backends) => this.#onFound(backends),
      failed: (reason) => this.#onFailed(reason)
    })
  }

  view(): SourceView {
    return {
      source: this.#source.label,
      backends: this.found.length,
      answeredAt: this.#answeredAt,
      error: this.#error
    }
  }

  close(): void {
    this.#source.close()
  }

  #onFound(backends: readonly BackendConfig[]): void {
    const pool = this.#pool
    this.#answeredAt = this.#deps.clock.wall()
    if (this.#error !== undefined) {
      this.#deps.log.info({ pool, source: this.#source.label }, `pool ${pool}: its source answers again`)
      this.#error = undefined
    }
    const before = this.found
    const now = withKnown(before, backends)
    if (now !== before) {
      const fresh = new Set(addedItems(before, now).map(({ name }) => name))
      const stale = addedItems(now, before).map(({ name }) => name)
      const removed = stale.filter((name) => !fresh.delete(name)).length
      const counts = { found: now.length, added: fresh.size, removed }
      this.#deps.log.info(
        { pool, source: this.#source.label, ...counts },
        `pool ${pool}: ${now.length} backends found (${fresh.size} new, ${removed} gone)`
      )
      this.found = now
      this.#deps.changed()
    }
    this.#resolve()
  }

  #onFailed(reason: string): void {
    const pool = this.#pool
    this.failures++
    // Logged when failures begin; after that only metrics count them.
    if (this.#error === undefined) {
      this.#deps.log.warn(
        { pool, source: this.#source.label, reason, kept: this.found.length },
        `pool ${pool}: its source fails, ${this.found.length} backends stay: ${reason}`
      )
    }
    this.#error = reason
    this.#resolve()
  }
}

/**
 * What was found, with the objects of before for all that stayed the same, so that whoever comes after finds by identity
 * what has changed. The list of before when nothing has.
 */
function withKnown(
  before: readonly BackendConfig[],
  found: readonly BackendConfig[]
): readonly BackendConfig[] {
  if (found === before) return before
  const edits = listEdits(before, found)
  const gone = new Map(addedItems(found, before).map((each) => [each.name, each]))
  const now = applyEdits(edits, before, (backend) => {
    const known = gone.get(backend.name)
    return known !== undefined && same(known, backend) ? known : backend
  })
  return now.length === before.length && now.every((each, i) => each === before[i]) ? before : now
}
