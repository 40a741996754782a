import type { Clock } from '../../../core/clock.ts'
import type { Logger } from '../../../core/log/log.ts'
import type { DpopMemory } from './jwt/dpop/dpop.ts'
import type { SessionStores } from './oidc/remote-sessions.ts'

/** What a method is created with. The method outlives the snapshot that it was created for: see method-store.ts. */
export interface MethodContext {
  /** The realm in challenges. */
  readonly realm: string
  readonly clock: Clock
  readonly log: Logger
  /** `lb explain`: no external service is asked. */
  readonly dry: boolean
  /** Identifies this `lb` in the names of channels between its threads. */
  readonly instance?: string
  /** Memory of all threads that decides who refreshes a session. */
  readonly turns?: ArrayBufferLike | undefined
  /** Memory that all threads share, for tokens that are bound to keys. */
  readonly dpop?: DpopMemory | undefined
  /** Memory of all threads with the last keys of an issuer. */
  readonly keySet?: SharedArrayBuffer | undefined
  /** Sessions that several instances share. */
  readonly sessions?: SessionStores | undefined
}
