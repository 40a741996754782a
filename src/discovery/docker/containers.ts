import type { BackendConfig, DockerDiscovery } from '../../config/model/model.ts'
import { backendAt } from '../dns.ts'
import { readLabels } from './labels.ts'

/** The parts of an element of `GET /containers/json` that are read (Docker Engine API v1.24 and later). */
export interface Container {
  readonly Id: string
  readonly Names?: readonly string[]
  readonly Labels?: Readonly<Record<string, string>> | null
  /** "Up 2 minutes (unhealthy)". */
  readonly Status?: string
  readonly Ports?: readonly { readonly PrivatePort: number; readonly Type?: string }[] | null
  readonly NetworkSettings?: {
    readonly Networks?: Readonly<
      Record<string, { readonly IPAddress?: string; readonly GlobalIPv6Address?: string }>
    >
  } | null
}

/** The backends from containers, and warnings that name container and label. Pure. */
export function containerBackends(
  containers: readonly Container[],
  config: DockerDiscovery
): { readonly backends: readonly BackendConfig[]; readonly warnings: readonly string[] } {
  const backends = new Map<string, BackendConfig>()
  const warnings: string[] = []
  for (const container of containers) {
    const name = nameOf(container)
    const { labels, warnings: mistakes } = readLabels(container.Labels ?? {})
    warnings.push(...mistakes.map((text) => `container ${name}: ${text}`))
    if (labels.enable === false) continue
    // A failed health check of the container counts; a starting one is left to lb's probes.
    if (container.Status?.includes('(unhealthy)') === true) continue
    const address = addressOf(container, labels.network ?? config.network)
    const port = labels.port ?? config.port ?? onlyPort(container)
    if (address === undefined) {
      warnings.push(
        `container ${name} has no address${whereNone(container, labels.network ?? config.network)}`
      )
    } else if (port === undefined) {
      warnings.push(`container ${name} has no single port; say which by the label lb.port`)
    } else {
      const { weight, backup, maxConnections } = labels
      const made = backendAt(address, port, {
        name: labels.name ?? name,
        weight: weight ?? 1,
        backup: backup ?? false
      })
      const limited = maxConnections === undefined ? made : { ...made, maxConnections }
      backends.set(backends.has(limited.name) ? `${limited.name} ${container.Id}` : limited.name, limited)
    }
  }
  return { backends: distinct([...backends.values()]), warnings }
}

/** Two containers with the same name are distinguished by their address. */
function distinct(backends: readonly BackendConfig[]): BackendConfig[] {
  const taken = new Set<string>()
  return backends
    .map((backend) => {
      const name = taken.has(backend.name) ? backend.address.text : backend.name
      taken.add(name)
      return { ...backend, name }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function whereNone({ NetworkSettings }: Container, network: string | undefined): string {
  if (network !== undefined) return ` in network ${network}`
  const shares = NetworkSettings?.Networks?.host !== undefined
  return shares
    ? " of its own, it uses the host's: write the host's address and its port under `backends`"
    : ''
}

function nameOf({ Id, Names }: Container): string {
  return (Names?.[0]?.replace(/^\//, '') ?? Id.slice(0, 12)).slice(0, 64)
}

function addressOf({ NetworkSettings }: Container, network: string | undefined): string | undefined {
  const networks = new Map(Object.entries(NetworkSettings?.Networks ?? {}))
  const chosen = network === undefined ? [...networks.values()] : [networks.get(network)]
  for (const each of chosen) {
    const address = each?.IPAddress || each?.GlobalIPv6Address
    if (address) return address
  }
  return undefined
}

function onlyPort({ Ports }: Container): number | undefined {
  const tcp = new Set(
    (Ports ?? []).filter(({ Type }) => Type !== 'udp').map(({ PrivatePort }) => PrivatePort)
  )
  return tcp.size === 1 ? [...tcp][0] : undefined
}
