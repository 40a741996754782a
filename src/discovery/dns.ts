import { Resolver } from 'node:dns/promises'
import { isIPv6 } from 'node:net'
import type { BackendConfig, DnsDiscovery } from '../config/model/model.ts'
import { Poller, reasonOf } from './poller.ts'
import { MAX_DISCOVERED, type Source, type SourceParts } from './source.ts'

/** Bounds for the lifetime of answers, whatever their TTL says. */
const MIN_TTL_MS = 1_000
const MAX_TTL_MS = 300_000
/** Node gives no TTL for SRV records, only for the addresses of their targets. */
const MAX_SRV_TTL_MS = 30_000
/** SRV records with another priority than the best are backups (RFC 2782). */
const MAX_WEIGHT = 1_000

/** Queries DNS servers for A and AAAA records, or for SRV records and their targets. */
export function dnsSource(config: DnsDiscovery, parts: SourceParts): Source {
  let resolver = resolverOf(config)
  const known: Families = new Set()
  const missing = new MissingTargets(config.name, parts.log)
  const poller = new Poller(parts, async () => {
    // The system's servers may be others by now; a resolver reads them when it is made.
    if (config.servers.length === 0) resolver = resolverOf(config)
    const answer =
      config.type === 'srv'
        ? await lookUpServices(resolver, config, known, missing)
        : await lookUpHost(resolver, config, known)
    parts.found(answer.backends)
    return nextIn(answer.ttlMs, config)
  })
  return {
    label: `dns ${config.name} (${config.type})`,
    close() {
      poller.close()
      resolver.cancel()
    }
  }
}

function resolverOf({ servers }: DnsDiscovery): Resolver {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 })
  if (servers.length > 0) resolver.setServers([...servers])
  return resolver
}

interface Answer {
  readonly backends: readonly BackendConfig[]
  /** The shortest TTL; undefined where none is known. */
  readonly ttlMs: number | undefined
}

/** The TTL decides, between a second and `interval` if given, else five minutes (SRV: 30 s). */
function nextIn(ttlMs: number | undefined, { intervalMs, type }: DnsDiscovery): number {
  const most = intervalMs ?? (type === 'srv' ? MAX_SRV_TTL_MS : MAX_TTL_MS)
  return Math.max(MIN_TTL_MS, Math.min(ttlMs ?? intervalMs ?? 10_000, most))
}

async function lookUpHost(resolver: Resolver, config: DnsDiscovery, known: Families): Promise<Answer> {
  const records = await addressesOf(resolver, config.name, known)
  return {
    backends: unique(records.map(({ address }) => backendAt(address, config.port!, {}))).sort(byName),
    ttlMs: shortest(records)
  }
}

interface AddressRecord {
  readonly address: string
  readonly ttl: number
}

/** Families of which a name has had addresses, so that a failure can be distinguished from absence. */
type Families = Set<string>

/**
 * Queries both families. When servers fail for one of them (SERVFAIL, REFUSED), backends of that family must not
 * vanish; a family that never had addresses may fail, as many resolvers do.
 */
async function addressesOf(resolver: Resolver, name: string, known: Families): Promise<AddressRecord[]> {
  const answers = await Promise.allSettled([
    resolver.resolve4(name, { ttl: true }),
    resolver.resolve6(name, { ttl: true })
  ])
  const records: AddressRecord[] = []
  for (const [index, answer] of answers.entries()) {
    const family = `${index} ${name}`
    if (answer.status === 'fulfilled') {
      records.push(...answer.value)
      if (answer.value.length > 0) known.add(family)
    } else if (known.has(family) && !meansNone(answer.reason)) {
      throw answer.reason as Error
    }
  }
  if (records.length === 0) throw (answers[0] as PromiseRejectedResult).reason as Error
  if (records.length > MAX_DISCOVERED) throw new RangeError(`${name} has ${records.length} addresses`)
  return records
}

function meansNone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENODATA' || code === 'ENOTFOUND'
}

async function lookUpServices(
  resolver: Resolver,
  config: DnsDiscovery,
  known: Families,
  missing: MissingTargets
): Promise<Answer> {
  const services = await resolver.resolveSrv(config.name)
  // RFC 2782: a single target "." says that the service does not exist.
  const real = services.filter(({ name }) => name !== '' && name !== '.')
  if (real.length === 0) throw new Error(`${config.name} has no target`)
  const addresses = await missing.lookUp(real, (name) => addressesOf(resolver, name, known))
  const there = real.filter(({ name }) => addresses.has(name))
  const best = Math.min(...there.map(({ priority }) => priority))
  const weighed = weigher(there.map(({ weight }) => weight))
  const backends = there.flatMap(({ name, port, priority, weight }) =>
    addresses
      .get(name)!
      .map(({ address }) => backendAt(address, port, { weight: weighed(weight), backup: priority !== best }))
  )
  return {
    backends: unique(backends).sort(byName),
    ttlMs: shortest([...addresses.values()].flat())
  }
}

/** One target of several that has no address, or whose server fails, holds up none of the others. */
class MissingTargets {
  readonly #service: string
  readonly #log: SourceParts['log']
  readonly #last = new Map<string, readonly AddressRecord[]>()
  #told = ''

  constructor(service: string, log: SourceParts['log']) {
    this.#service = service
    this.#log = log
  }

  /** Those of the targets that have addresses, the last ones where a server fails now. Throws where there are none. */
  async lookUp(
    services: readonly { readonly name: string }[],
    addressesOf: (name: string) => Promise<readonly AddressRecord[]>
  ): Promise<ReadonlyMap<string, readonly AddressRecord[]>> {
    const names = [...new Set(services.map(({ name }) => name))]
    const answers = await Promise.allSettled(names.map(addressesOf))
    const found = new Map<string, readonly AddressRecord[]>()
    const without: string[] = []
    for (const [index, answer] of answers.entries()) {
      const name = names[index]!
      const last =
        answer.status === 'rejected' && !meansNone(answer.reason) ? this.#last.get(name) : undefined
      const records = answer.status === 'fulfilled' ? answer.value : last
      if (records === undefined)
        without.push(`${name} (${reasonOf((answer as PromiseRejectedResult).reason)})`)
      else found.set(name, records)
    }
    if (answers.every(({ status }) => status === 'rejected')) {
      throw (answers[0] as PromiseRejectedResult).reason as Error
    }
    this.#last.clear()
    for (const [name, records] of found) this.#last.set(name, records)
    this.#tell(without)
    return found
  }

  #tell(without: readonly string[]): void {
    const told = [...without].sort().join(', ')
    if (told !== '' && told !== this.#told) {
      this.#log.warn(
        {},
        `targets of ${this.#service} are left out, for they have no address: ${told.slice(0, 500)}`
      )
    }
    this.#told = told
  }
}

/**
 * SRV weights go up to 65535, ours from 1 to 1000. Weight 0 is for who is hardly to be chosen while there are others
 * (RFC 2782): the heaviest is made 1000 then.
 */
function weigher(weights: readonly number[]): (weight: number) => number {
  const most = Math.max(1, ...weights)
  const scale = most > MAX_WEIGHT || (weights.includes(0) && most > 0) ? MAX_WEIGHT / most : 1
  const none = weights.every((weight) => weight === 0)
  return (weight) => (none ? 1 : Math.max(1, Math.round(weight * scale)))
}

function shortest(records: readonly AddressRecord[]): number | undefined {
  return records.length === 0 ? undefined : Math.min(...records.map(({ ttl }) => ttl)) * 1000
}

function unique(backends: readonly BackendConfig[]): BackendConfig[] {
  return [...new Map(backends.map((each) => [each.name, each])).values()]
}

function byName(a: BackendConfig, b: BackendConfig): number {
  return a.name < b.name ? -1 : 1
}

/** A backend by its address, which is also its name, so that it is the same backend from any source. */
export function backendAt(
  host: string,
  port: number,
  { weight = 1, backup = false, name }: { weight?: number; backup?: boolean; name?: string }
): BackendConfig {
  const text = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
  return { name: name ?? text, address: { kind: 'tcp', host, port, text }, weight, backup }
}
