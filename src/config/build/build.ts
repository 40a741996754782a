import { resolve } from 'node:path'
import type { AdminConfig, CacheStoreConfig, Config, ListenerConfig, PoolConfig } from '../model/model.ts'
import type { CheckedPlugins } from '../plugins/check-plugins.ts'
import { acmeSchema } from '../schema/acme.ts'
import type { RootInput } from '../schema/root.ts'
import { parseRedisUrl } from '../redis-url.ts'
import { buildAcme } from './acme.ts'
import { withCacheScopes } from './cache-scopes.ts'
import { buildBinds, type ResolvePath } from './paths.ts'
import { buildListeners } from './listener.ts'
import { buildPool, buildTls } from './pool.ts'

/** Turns the validated input into the configuration in force. Nothing can fail here. */
export function buildConfig(
  input: RootInput,
  { plugins, settings }: CheckedPlugins,
  directory: string,
  file: string | undefined
): Config {
  const absolute: ResolvePath = (path) => resolve(directory, path)
  const pools = Object.entries(input.pools).map(([name, pool]): [string, PoolConfig] => [
    name,
    buildPool(name, pool, absolute)
  ])
  const caches = Object.entries(input.caches).map(([name, cache]): [string, CacheStoreConfig] => [
    name,
    { name, ...cache }
  ])
  const used = input.listeners.some(({ tls }) => tls?.acme !== undefined)
  const acme =
    used || input.acme !== undefined ? buildAcme(input.acme ?? acmeSchema.parse({}), absolute) : undefined
  return {
    ...(file !== undefined && { file }),
    workers: input.workers,
    shutdown: { graceMs: input.shutdown.grace, delayMs: input.shutdown.delay },
    ...(input.user !== undefined && { user: input.user }),
    log: input.log,
    ...(input.admin !== undefined && { admin: buildAdmin(input.admin, absolute) }),
    ...(acme !== undefined && { acme }),
    listeners: withCacheScopes(
      buildListeners(withSettings(input.listeners, settings), absolute, acme?.challenge === 'http-01')
    ) satisfies ListenerConfig[],
    pools: Object.fromEntries(pools),
    caches: Object.fromEntries(caches),
    plugins: plugins.map(({ config }) => config),
    tests: input.tests,
    ...buildRedis(input.redis, absolute)
  }
}

/** With the settings of plugins as their own schemas transform them. */
function withSettings(
  listeners: RootInput['listeners'],
  settings: CheckedPlugins['settings']
): RootInput['listeners'] {
  if (settings.size === 0) return listeners
  return listeners.map((listener, index) => {
    if (listener.mode === 'l4') return listener
    const routes = listener.routes.map((route, at) => ({ ...route, plugins: settings.get(`${index}/${at}`) }))
    return { ...listener, routes, plugins: settings.get(String(index)) }
  })
}

function buildRedis(redis: RootInput['redis'], absolute: ResolvePath): Pick<Config, 'redis'> {
  // `${REDIS_URL:-}` leaves an empty text when the variable is not set.
  const place = redis && parseRedisUrl(redis.url)
  if (place === undefined) return {}
  const { tls: secured, ...rest } = place
  const { tls, timeout, confirmTimeout, prefix } = redis!
  const over = tls !== undefined ? buildTls(tls, absolute) : secured ? { verify: true } : undefined
  return {
    redis: {
      ...rest,
      ...(over && { tls: over }),
      timeoutMs: timeout,
      confirmTimeoutMs: confirmTimeout,
      prefix
    }
  }
}

function buildAdmin(admin: NonNullable<RootInput['admin']>, absolute: ResolvePath): AdminConfig {
  const { bind, token } = admin
  // `${LB_ADMIN_TOKEN:-}` leaves an empty text when the variable is not set.
  return { binds: buildBinds(bind, absolute), ...(token !== undefined && token !== '' && { token }) }
}
