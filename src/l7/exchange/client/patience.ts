/** How long a client that sends nothing may read the last response. */
export const LINGER_MS = 2_000
/** How long a client may send the rest of a request that has been answered; nginx has the same (`lingering_time`). */
export const LINGER_MOST_MS = 30_000
/** How long an idle connection of a draining listener stays open, for a request that is on its way. */
export const DRAIN_MS = 500
