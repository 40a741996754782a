import type { Clock } from '../../../core/clock.ts'
import type { Logger } from '../../../core/log/log.ts'

/** What a method is made with. It outlives the snapshot that it was made for: see method-store.ts. */
export interface MethodContext {
  /** In challenges. */
  readonly realm: string
  readonly clock: Clock
  readonly log: Logger
  /** `lb explain`: nothing is asked of anybody. */
  readonly dry: boolean
}
