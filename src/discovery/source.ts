import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/log/log.ts'
import type { Random } from '../core/random.ts'

import type { BackendConfig } from '../config/model/model.ts'

/** What a source of backends is made with. */
export interface SourceParts {
  readonly clock: Clock
  readonly random: Random
  /** Bound to the pool. */
  readonly log: Logger
  /** The whole set that is there now, in a stable order. Called also where nothing changed. */
  readonly found: (backends: readonly BackendConfig[]) => void
  /** The source does not answer, or answers nonsense: the last set stays. `reason` is one line. */
  readonly failed: (reason: string) => void
}

/** Where a pool's backends are learnt from. It is at work from its making until `close`. */
export interface Source {
  /** In words, for the operator: `dns api.internal (srv)`. */
  readonly label: string
  /** Stops at once; calls nobody any more. */
  close(): void
}

/** At most so many backends of one source: what is over is an error, not a slow process. */
export const MAX_DISCOVERED = 50_000
