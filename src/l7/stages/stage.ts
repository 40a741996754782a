import type { Exchange } from '../exchange/exchange.ts'
import type { ResponseHead } from '../exchange/response/response-head.ts'
import type { BodyOutput, BodyTransform } from '../exchange/body-chain.ts'
import type { ForwardHead } from '../exchange/forward-head.ts'
import type { DryExchange } from '../exchange/dry/dry-exchange.ts'
import type { Explanation } from './explanation.ts'
import type { Verdict } from './verdict.ts'

export type { Explanation }

/**
 * One concern of a route. Every hook is optional, and a route keeps only the hooks that its stages have: what is off
 * costs nothing. Hooks are synchronous; a request hook that has to wait for something calls `exchange.wait`.
 *
 * A stage lives as long as its snapshot and serves many exchanges at once, so it keeps nothing of one exchange in
 * itself. A hook that throws ends its exchange with LB_INTERNAL (500).
 */
export interface Stage {
  readonly name: string
  /** None of its hooks is called for a GET that came through no other proxy (without Via and CDN-Loop). */
  readonly skipsPlainGets?: true
  /** Some clients cannot read an error otherwise: its `response` is called also where another's hook threw. */
  readonly neededByErrors?: true
  /**
   * Request fields, lower case, that this stage sets: fields of a client with these names are removed, in any spelling
   * that a server takes for them, from the head and from trailers. Their values come from `setRequestField`.
   */
  readonly owns?: readonly string[]
  /** Called before a backend gets the request, in the order of the table. */
  request?(exchange: Exchange): Verdict
  /** The head for a backend, in the order of the table: once for the request, and once for a cache's refresh. */
  forward?(exchange: Exchange, head: ForwardHead): void
  /**
   * The head of the response, whatever made it: backend, cache, a stage, an error, the parser. In the reverse order of
   * the table: the first stage sees the changes of all others.
   */
  response?(exchange: Exchange, head: ResponseHead): void
  /**
   * Returns what changes the bytes of this response's body, or undefined to leave them. Called after all `response`
   * hooks, in their order; it sets `head.length` to the new length (UNKNOWN_LENGTH when unknown).
   */
  body?(exchange: Exchange, head: ResponseHead, output: BodyOutput): BodyTransform | undefined
  /** Exactly once for each exchange, however it ended. The exchange does not change any more. */
  done?(exchange: Exchange, durationMs: number): void
  /**
   * What `request` would do, in words and without any effect outside of the exchange. Absent where `request` has none:
   * the dry run then calls `request` itself.
   */
  explain?(exchange: DryExchange): Explanation
}
