/** Continue with the next stage. */
export const GO_ON = 0
/** The stage has answered the client, or takes the exchange over: no further stage is asked. */
export const ANSWERED = 1
/** The stage has called `exchange.wait`: the next stage is asked when the wait is over. */
export const WAITS = 2

/** How an exchange continues after a stage. */
export type Verdict = typeof GO_ON | typeof ANSWERED | typeof WAITS
