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
  /** No hook of it is called for a GET that came through no other proxy (without Via and CDN-Loop). */
  readonly skipsPlainGets?: true
  /**
   * Request fields, lower case, that this stage decides about: nothing that a client sends under these names goes on, in
   * any spelling that a server takes for them, in the head or in a trailer. What goes on is what `setRequestField` says.
   */
  readonly owns?: readonly string[]
  /** Before a backend is asked, in the order of the table. */
  request?(exchange: Exchange): Verdict
  /** The head as it goes to a backend, in the order of the table: once for the request, and once for a cache's refresh. */
  forward?(exchange: Exchange, head: ForwardHead): void
  /**
   * The head on its way to the client, whoever made it: backend, cache, a stage, an error, the parser's refusal. In the
   * reverse order of the table: who comes first sees what all others have made of it.
   */
  response?(exchange: Exchange, head: ResponseHead): void
  /**
   * Changes the bytes of this response's body, or undefined where they stay as they are. Called after all `response` hooks,
   * in their order; it sets `head.length` to what it knows of the new length (UNKNOWN_LENGTH: nothing).
   */
  body?(exchange: Exchange, head: ResponseHead, output: BodyOutput): BodyTransform | undefined
  /** Exactly once for each exchange, however it ended. The exchange changes no more. */
  done?(exchange: Exchange, durationMs: number): void
  /**
   * What `request` would do, in words and without any effect outside of the exchange. Left out where `request` has none:
   * the dry run then calls `request` itself.
   */
  explain?(exchange: DryExchange): Explanation
}
