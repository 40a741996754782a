import { Exchange } from './exchange.ts'

/** An exchange of which nothing is sent and nothing is counted: `lb explain` runs its stages over it. */
export class DryExchange extends Exchange {
  override get dry(): boolean {
    return true
  }
}
