/** How long a client may read the last response, after which the connection is closed whatever it sends. */
export const LINGER_MS = 2_000
/** How long an idle connection of a draining listener stays, for a request that was sent before it closes. */
export const DRAIN_MS = 500
