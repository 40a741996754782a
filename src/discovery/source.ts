import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/log/log.ts'
import type { Random } from '../core/random.ts'

import type { BackendConfig } from '../config/model/model.ts'

/** What a source of backends needs. */
export interface SourceDeps {
  readonly clock: Clock
  readonly random: Random
  /** Its lines name the pool. */
  readonly log: Pick<Logger, 'warn' | 'info'>
  /** Called with the complete current set, in a stable order, even if nothing changed. */
  readonly found: (backends: readonly BackendConfig[]) => void
  /** The source does not answer, or its answer is invalid: the last set stays. `reason` is one line. */
  readonly failed: (reason: string) => void
}

/** A source of backends. It works from its creation until `close`. */
export interface Source {
  /** In words, for operators: `dns api.internal (srv)`. */
  readonly label: string
  /** Stops at once; no more callbacks. */
  close(): void
}

/** Most backends of one source: more are an error. */
export const MAX_DISCOVERED = 50_000
