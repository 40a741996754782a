import { Resolver } from 'node:dns/promises'
import { isIPv6 } from 'node:net'
import type { BackendConfig, DnsDiscovery } from '../config/model/model.ts'
import { Poller, reasonOf } from './poller.ts'
import { MAX_DISCOVERED, type Source, type SourceDeps } from './source.ts'

/** Bounds for the lifetime of answers, whatever their TTL says. */
const MIN_TTL_MS = 1_000
const MAX_TTL_MS = 300_000
/** Node gives no TTL for SRV records, only for the addresses of their targets. */
const MAX_SRV_TTL_MS = 30_000
/** SRV records with another priority than the best are backups (RFC 2782). */
const MAX_WEIGHT = 1_000

/** Queries DNS servers for A and AAAA records, or for SRV records and their targets. */
export function dnsSource(config: DnsDiscovery, deps: SourceDeps): Source {
  const resolvers = new Resolvers(() => resolverOf(config))
  const known = new LastAddresses(deps.log)
  const missing = new MissingTargets(config.name, deps.log)
  const ask = async (): Promise<number> => {
    const resolver = resolvers.current
    const answer =
      config.type === 'srv'
        ? await lookUpServices(resolver, config, known, missing)
        : await lookUpHost(resolver, config, known)
    deps.found(answer.backends)
    return nextIn(answer.ttlMs, config)
  }
  const poller = new Poller(deps, ask, { mostMs: config.intervalMs })
  return {
    label: `dns ${config.name} (${config.type})`,
    close() {
      poller.close()
      resolvers.cancel()
    }
  }
}

/**
 * One resolver as long as its servers stay: it remembers which of them does not answer, and asks another one first. The
 * system's servers may be others by the next look-up; a resolver reads them when it is made.
 */
export class Resolvers {
  readonly #make: () => Resolver
  #resolver: Resolver
  /** As it was made with: it sorts them by their failures. */
  #servers: string

  constructor(make: () => Resolver) {
    this.#make = make
    this.#resolver = make()
    this.#servers = this.#resolver.getServers().join()
  }

  get current(): Resolver {
    const fresh = this.#make()
    const servers = fresh.getServers().join()
    if (servers !== this.#servers) {
      this.#resolver = fresh
      this.#servers = servers
    }
    return this.#resolver
  }

  cancel(): void {
    this.#resolver.cancel()
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

async function lookUpHost(resolver: Resolver, config: DnsDiscovery, known: LastAddresses): Promise<Answer> {
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

/**
 * Queries both families. When servers fail for one of them (SERVFAIL, REFUSED), backends of that family must not
 * vanish, nor hold up what the other says; a family that never had addresses may fail, as many resolvers do.
 */
async function addressesOf(resolver: Resolver, name: string, known: LastAddresses): Promise<AddressRecord[]> {
  const answers = await Promise.allSettled([
    resolver.resolve4(name, { ttl: true }),
    resolver.resolve6(name, { ttl: true })
  ])
  const records = known.merge(name, answers)
  if (records.length > MAX_DISCOVERED) throw new RangeError(`${name} has ${records.length} addresses`)
  return records
}

const FAMILIES = ['A', 'AAAA'] as const

interface LastOfName {
  readonly families: (readonly AddressRecord[])[]
  /** The failure that was told. */
  told?: string
}

/** The last addresses of each name, by family. */
class LastAddresses {
  readonly #log: SourceDeps['log']
  readonly #names = new Map<string, LastOfName>()

  constructor(log: SourceDeps['log']) {
    this.#log = log
  }

  /** Those that were answered, and the last ones of a family that fails. Throws where neither family has an answer. */
  merge(name: string, answers: readonly PromiseSettledResult<readonly AddressRecord[]>[]): AddressRecord[] {
    const last: LastOfName = this.#names.get(name) ?? { families: [] }
    const stays = (answer: PromiseSettledResult<unknown>, index: number): boolean =>
      answer.status === 'rejected' &&
      !meansNone(answer.reason) &&
      last.families[index] !== undefined &&
      last.families[index].length > 0
    const failed = answers.findIndex(stays)
    const fresh = answers.some((answer) => answer.status === 'fulfilled' && answer.value.length > 0)
    if (!fresh) throw (answers[Math.max(0, failed)] as PromiseRejectedResult).reason as Error
    const families = answers.map((answer, index) => {
      if (answer.status === 'fulfilled') return answer.value
      // The other family's TTL decides when both are asked again.
      return failed === index ? last.families[index]!.map((record) => ({ ...record, ttl: Infinity })) : []
    })
    const told = failed < 0 ? undefined : reasonOf((answers[failed] as PromiseRejectedResult).reason)
    if (told !== undefined && told !== last.told) {
      const addresses = families[failed]!.map(({ address }) => address).join(', ')
      this.#log.warn(
        {},
        `${FAMILIES[failed]} records of ${name} are not answered (${told}); the last ones stay: ${addresses.slice(0, 500)}`
      )
    }
    this.#names.set(name, { families, ...(told !== undefined && { told }) })
    return families.flat()
  }

  /** Forgets all other names. */
  retain(names: ReadonlySet<string>): void {
    for (const name of this.#names.keys()) if (!names.has(name)) this.#names.delete(name)
  }
}

function meansNone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENODATA' || code === 'ENOTFOUND'
}

async function lookUpServices(
  resolver: Resolver,
  config: DnsDiscovery,
  known: LastAddresses,
  missing: MissingTargets
): Promise<Answer> {
  const services = await resolver.resolveSrv(config.name)
  // RFC 2782: a single target "." says that the service does not exist.
  const real = services.filter(({ name }) => name !== '' && name !== '.')
  if (real.length === 0) throw new Error(`${config.name} has no target`)
  known.retain(new Set(real.map(({ name }) => name)))
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
  readonly #log: SourceDeps['log']
  readonly #last = new Map<string, readonly AddressRecord[]>()
  #told = ''

  constructor(service: string, log: SourceDeps['log']) {
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
