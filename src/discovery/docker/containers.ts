import type { BackendConfig, DockerDiscovery } from '../../config/model/model.ts'
import { backendAt } from '../dns.ts'
import { NameOrder } from '../name-order.ts'
import { readLabels } from './labels.ts'

/** The parts of an element of `GET /containers/json` that are read (Docker Engine API v1.24 and later). */
export interface Container {
  readonly Id: string
  /** Unix time, s. */
  readonly Created?: number
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

/** What one container means: at most one backend, and warnings that name container and label. */
interface Reading {
  readonly backend: BackendConfig | undefined
  readonly warnings: readonly string[]
}

/** The backends of containers. One that is the same object as before is not read again, nor is its backend made anew. */
export class ContainerReader {
  readonly #config: DockerDiscovery
  readonly #readings = new WeakMap<Container, Reading>()
  readonly #renamed = new WeakMap<BackendConfig, BackendConfig>()
  readonly #order = new NameOrder()

  constructor(config: DockerDiscovery) {
    this.#config = config
  }

  read(containers: Iterable<Container>): {
    readonly backends: readonly BackendConfig[]
    readonly warnings: readonly string[]
  } {
    const named = new Map<string, Container>()
    const others: Container[] = []
    const warnings: string[] = []
    for (const container of containers) {
      const reading = this.#read(container)
      for (const warning of reading.warnings) warnings.push(warning)
      if (reading.backend === undefined) continue
      const { name } = reading.backend
      const known = named.get(name)
      if (known === undefined) named.set(name, container)
      // Whoever has borne a name for longest keeps it, in whatever order they are listed.
      else if (isOlder(container, known)) {
        named.set(name, container)
        others.push(known)
      } else others.push(container)
    }
    const backends = Array.from(named.values(), (each) => this.#read(each).backend!)
    for (const each of others) backends.push(this.#distinct(this.#read(each).backend!, named, each))
    return { backends: this.#order.sort(backends), warnings }
  }

  #read(container: Container): Reading {
    let reading = this.#readings.get(container)
    if (reading === undefined)
      this.#readings.set(container, (reading = readContainer(container, this.#config)))
    return reading
  }

  /** Two containers with the same name are distinguished by their address. */
  #distinct(backend: BackendConfig, named: Map<string, Container>, container: Container): BackendConfig {
    const { text } = backend.address
    const name = named.has(text) ? `${text} ${container.Id.slice(0, 12)}` : text
    named.set(name, container)
    const known = this.#renamed.get(backend)
    if (known?.name === name) return known
    const renamed = { ...backend, name }
    this.#renamed.set(backend, renamed)
    return renamed
  }
}

function isOlder(a: Container, b: Container): boolean {
  const [one, other] = [a.Created ?? 0, b.Created ?? 0]
  return one === other ? a.Id < b.Id : one < other
}

function readContainer(container: Container, config: DockerDiscovery): Reading {
  const name = nameOf(container)
  const { labels, warnings: mistakes } = readLabels(container.Labels ?? {})
  const warnings = mistakes.map((text) => `container ${name}: ${text}`)
  const none = { backend: undefined, warnings }
  if (labels.enable === false) return none
  // A failed health check of the container counts; a starting one is left to lb's probes.
  if (container.Status?.includes('(unhealthy)') === true) return none
  const address = addressOf(container, labels.network ?? config.network)
  const port = labels.port ?? config.port ?? onlyPort(container)
  if (address === undefined) {
    warnings.push(`container ${name} has no address${whereNone(container, labels.network ?? config.network)}`)
    return none
  }
  if (port === undefined) {
    warnings.push(`container ${name} has no single port; say which by the label lb.port`)
    return none
  }
  const { weight, backup, maxConnections } = labels
  const made = backendAt(address, port, {
    name: labels.name ?? name,
    weight: weight ?? 1,
    backup: backup ?? false
  })
  return { backend: maxConnections === undefined ? made : { ...made, maxConnections }, warnings }
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
