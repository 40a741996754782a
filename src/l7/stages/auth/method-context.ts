import type { Clock } from '../../../core/clock.ts'
import type { Logger } from '../../../core/log/log.ts'
import type { SessionStores } from './oidc/remote-sessions.ts'

/** What a method is made with. It outlives the snapshot that it was made for: see method-store.ts. */
export interface MethodContext {
  /** In challenges. */
  readonly realm: string
  readonly clock: Clock
  readonly log: Logger
  /** `lb explain`: nothing is asked of anybody. */
  readonly dry: boolean
  /** This `lb`, in the names of channels among its threads. */
  readonly instance?: string
  /** Memory of all threads for who refreshes a session. */
  readonly turns?: ArrayBufferLike | undefined
  /** Of several instances. */
  readonly sessions?: SessionStores | undefined
}
