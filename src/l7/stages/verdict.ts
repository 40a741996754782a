/** Continue with the next stage. */
export const GO_ON = 0
/** The stage has answered the client, or has taken over the exchange: no further stage is called. */
export const ANSWERED = 1
/** The stage has called `exchange.wait`: the next stage is called when the wait is over. */
export const WAITS = 2

/** How an exchange continues after a stage. */
export type Verdict = typeof GO_ON | typeof ANSWERED | typeof WAITS
