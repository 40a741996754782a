import type { RedisConfig } from './model/model.ts'

type Place = Omit<RedisConfig, 'timeoutMs' | 'prefix'>

/** `redis://user:password@host:port/db`, `rediss://…` or `unix:/path`; undefined: it is none of them. */
export function parseRedisUrl(written: string): Place | undefined {
  const socket = /^unix:(?:\/\/)?(\/[^?#]+)$/.exec(written)
  if (socket !== null) return { path: socket[1]!, tls: false, db: 0 }
  if (!/^rediss?:\/\//.test(written) || !URL.canParse(written)) return undefined
  const url = new URL(written)
  const db = url.pathname === '' ? '0' : url.pathname.slice(1) || '0'
  if (url.hostname === '' || url.search !== '' || url.hash !== '' || !/^\d{1,5}$/.test(db)) return undefined
  try {
    return {
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? 6379 : Number(url.port),
      tls: url.protocol === 'rediss:',
      ...(url.username !== '' && { username: decodeURIComponent(url.username) }),
      ...(url.password !== '' && { password: decodeURIComponent(url.password) }),
      db: Number(db)
    }
  } catch {
    return undefined
  }
}
