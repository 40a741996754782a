import type { AcmeChallenge } from '../../config/model/acme-model.ts'
import type { Clock } from '../../core/clock.ts'
import type { Account } from '../client/account.ts'
import type { OrderRecord } from '../storage/records.ts'
import type { Keep, Solver } from './solver.ts'

/** What an order needs, and its callbacks. */
export interface OrderDeps {
  readonly name: string
  readonly account: Account
  readonly clock: Clock
  readonly challenge: AcmeChallenge
  readonly solver: Solver
  readonly profile: string | undefined
  /** The certificate that the new one replaces (RFC 9773 §5). */
  readonly replaces: string | undefined
  /** Stored before the next step; undefined: the order is over. */
  readonly save: (order: OrderRecord | undefined) => Promise<void>
}

/** With what is under way of the order. */
export interface StepDeps extends OrderDeps {
  /** A process that follows this one asks for `url` no sooner either. */
  readonly rest: (url: string, at: number) => Promise<void>
  /** Stored before the authority is told to validate. */
  readonly keep: Keep
}
