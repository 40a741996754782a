import type { ListenerConfig, PluginConfig, PoolConfig } from '../../config/model/model.ts'

/**
 * Whether a series belongs to a listener, route, pool, backend or plugin that the configuration no longer has. Keeping
 * them would leak memory if the configuration keeps changing. Other labels have fixed sets of values.
 */
export function goneSeries(
  listeners: readonly ListenerConfig[],
  pools: readonly PoolConfig[],
  plugins: readonly PluginConfig[] = []
): (labels: Readonly<Record<string, string>>) => boolean {
  const routes = listeners.flatMap((each) => (each.mode === 'l7' ? each.routes.map(({ name }) => name) : []))
  const known = new Map([
    ['listener', new Set(listeners.map(({ name }) => name))],
    ['route', new Set(routes)],
    ['pool', new Set(pools.map(({ name }) => name))],
    ['plugin', new Set(plugins.map(({ name }) => name))]
  ])
  // Built on first use: the workers have no series of backends, and 10,000 names take some ms.
  let made: Set<string> | undefined
  const backends = (): Set<string> =>
    (made ??= new Set(pools.flatMap((pool) => pool.backends.map(({ name }) => `${pool.name}\n${name}`))))
  return (labels) => {
    for (const [label, value] of Object.entries(labels))
      if (value !== '' && known.get(label)?.has(value) === false) return true
    return labels.backend !== undefined && !backends().has(`${labels.pool}\n${labels.backend}`)
  }
}
