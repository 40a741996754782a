/** How long a client may read the last response; after that the connection is closed whatever it sends. */
export const LINGER_MS = 2_000
/** How long an idle connection of a draining listener stays open, for a request that is on its way. */
export const DRAIN_MS = 500
