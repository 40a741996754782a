/** The next stage is asked. */
export const GO_ON = 0
/** The stage has answered the client, or will never let the request go on: the exchange is the stage's. */
export const ANSWERED = 1
/** The stage has called `exchange.wait`: the next stage is asked when the wait is over. */
export const WAITS = 2

/** How an exchange goes on after a stage. */
export type Verdict = typeof GO_ON | typeof ANSWERED | typeof WAITS
