/**
 * What a server answers that can do nothing for anybody now: it is loading, full, a replica, in a cluster that is broken, or
 * wants another login; or names a node that does not answer as the one that can. Before Redis 7 an error in a script stands behind other words.
 */
const SERVER_IS_UNFIT =
  /(?:^|: -)(?:LOADING|OOM|READONLY|MISCONF|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|BUSY|NOAUTH|WRONGPASS|DENIED|MOVED|ASK|TRYAGAIN|ERR max number of clients|ERR invalid password)\b/

/** An error in words of the protocol, as ioredis calls it. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError'
}

/**
 * The server is there and refuses this command only: the login may not run it or touch its keys (NOPERM), somebody else has
 * put another kind of value there (WRONGTYPE), the server does not know it. That says nothing of what others ask for.
 */
export function concernsCommandOnly(error: unknown): boolean {
  return isReply(error) && !SERVER_IS_UNFIT.test(error.message)
}
