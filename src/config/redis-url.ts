import type { RedisConfig } from './model/model.ts'

type Place = Pick<
  RedisConfig,
  | 'kind'
  | 'path'
  | 'nodes'
  | 'master'
  | 'db'
  | 'username'
  | 'password'
  | 'sentinelUsername'
  | 'sentinelPassword'
> & { readonly tls: boolean }

const MAX_NODES = 64
const REDIS_PORT = 6379
const SENTINEL_PORT = 26_379

const shape = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^/?#]*)@)?([^/?#]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/
const address = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/

/**
 * Parses `redis://user:password@host:port/db`, `unix:/path`,
 * `redis+sentinel://user:password@host:port,host:port/master/db` or
 * `redis+cluster://user:password@host:port,host:port`; `rediss` instead of `redis` means TLS. Undefined when it is none
 * of them.
 */
export function parseRedisUrl(written: string): Place | undefined {
  const socket = /^unix:(?:\/\/)?(\/[^?#]+)$/.exec(written)
  if (socket !== null) return { kind: 'server', path: socket[1]!, nodes: [], tls: false, db: 0 }
  const match = shape.exec(written)
  if (match === null) return undefined
  const [, scheme, kind = 'server', login = '', hosts = '', path = '', query] = match
  const nodes = nodesOf(hosts, kind === 'sentinel' ? SENTINEL_PORT : REDIS_PORT)
  const parts = path.split('/')
  const master = kind === 'sentinel' ? parts.shift() : undefined
  const db = parts.join('/') || '0'
  if (nodes === undefined || master === '' || !/^\d{1,5}$/.test(db)) return undefined
  if (kind === 'server' && nodes.length !== 1) return undefined
  // A cluster has one database.
  if (kind === 'cluster' && db !== '0') return undefined
  try {
    return {
      kind: kind as Place['kind'],
      nodes,
      ...(master !== undefined && { master: decodeURIComponent(master) }),
      tls: scheme === 'rediss',
      ...loginOf(login),
      ...sentinelLogin(kind, query),
      db: Number(db)
    }
  } catch {
    return undefined
  }
}

function nodesOf(hosts: string, port: number): Place['nodes'] | undefined {
  const nodes: { host: string; port: number }[] = []
  for (const text of hosts.split(',')) {
    const match = address.exec(text)
    const given = Number(match?.[3] ?? port)
    if (match === null || given < 1 || given > 65_535) return undefined
    nodes.push({ host: (match[1] ?? match[2])!, port: given })
  }
  return nodes.length > MAX_NODES ? undefined : nodes
}

function loginOf(login: string): Pick<Place, 'username' | 'password'> {
  const colon = login.indexOf(':')
  const username = decodeURIComponent(colon < 0 ? login : login.slice(0, colon))
  const password = colon < 0 ? '' : decodeURIComponent(login.slice(colon + 1))
  return { ...(username !== '' && { username }), ...(password !== '' && { password }) }
}

/** Sentinels have a login of their own: `?sentinelUsername=…&sentinelPassword=…`. Throws for any other parameter. */
function sentinelLogin(
  kind: string,
  query: string | undefined
): Pick<Place, 'sentinelUsername' | 'sentinelPassword'> {
  if (query === undefined) return {}
  const given = new URLSearchParams(query)
  const known = ['sentinelUsername', 'sentinelPassword']
  if (kind !== 'sentinel' || [...given.keys()].some((name) => !known.includes(name)))
    throw new Error('unknown')
  const [sentinelUsername, sentinelPassword] = known.map((name) => given.get(name) ?? '')
  return {
    ...(sentinelUsername !== '' && { sentinelUsername: sentinelUsername! }),
    ...(sentinelPassword !== '' && { sentinelPassword: sentinelPassword! })
  }
}
