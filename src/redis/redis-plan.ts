import type { RedisConfig } from '../config/model/model.ts'
import type { UpstreamTlsMaterial } from '../net/tls/upstream-tls.ts'

/** What a thread needs to connect to Redis: plain data. The main thread has read the files. */
export interface RedisPlan {
  readonly config: RedisConfig
  readonly tls: UpstreamTlsMaterial | undefined
}

/** The form for logs and `lb status`, without login. */
export function placeOf({ kind, path, nodes, master }: RedisConfig): string {
  if (path !== undefined) return path
  const list = nodes.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',')
  return kind === 'server' ? list : kind === 'sentinel' ? `${master} by sentinels ${list}` : `cluster ${list}`
}
