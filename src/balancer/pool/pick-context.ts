import type { Backend } from './backend.ts'

/** The optional facts a selector may use. L4 and L7 share it; one object may be reused from pick to pick. */
export interface PickContext {
  /** 32-bit hash of the pool's hash key (client address, header …); for `hash` and `maglev`. */
  hash?: number
  /** Backends that this connection or exchange has tried already. */
  tried?: readonly Backend[]
  /** Clock.now() until which a place in the queue is waited for at most; for one that has waited already. */
  waitUntil?: number
  /** Name of the backend that a sticky cookie asks for. */
  sticky?: string
}
