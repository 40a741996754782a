/**
 * Errors of a server that cannot execute any command now: it is loading, full, a replica, in a broken cluster, or wants
 * another login; or it refers to a node that does not answer. Before Redis 7, errors in scripts have a prefix.
 */
const SERVER_IS_UNFIT =
  /(?:^|: -)(?:LOADING|OOM|READONLY|MISCONF|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|BUSY|NOAUTH|WRONGPASS|DENIED|MOVED|ASK|TRYAGAIN|ERR max number of clients|ERR invalid password)\b/

/** Whether it is an error reply of the protocol, as ioredis reports it. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError'
}

/**
 * The server refuses this command only: the login may not run it or use its keys (NOPERM), the key has another type
 * (WRONGTYPE), or the server does not know it. That says nothing about other commands.
 */
export function concernsCommandOnly(error: unknown): boolean {
  return isReply(error) && !SERVER_IS_UNFIT.test(error.message)
}
