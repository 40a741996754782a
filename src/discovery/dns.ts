import { Resolver } from 'node:dns/promises'
import { isIPv6 } from 'node:net'
import type { BackendConfig, DnsDiscovery } from '../config/model/model.ts'
import { Poller } from './poller.ts'
import { MAX_DISCOVERED, type Source, type SourceParts } from './source.ts'

/** Answers live this long at least and at most, whatever their TTL says. */
const MIN_TTL_MS = 1_000
const MAX_TTL_MS = 300_000
/** What is read of SRV records has no TTL, only their targets' addresses have. */
const MAX_SRV_TTL_MS = 30_000
/** Priorities of SRV records that differ from the best make a backend a backup (RFC 2782). */
const MAX_WEIGHT = 1_000

/** Asks DNS servers for A and AAAA records, or for SRV records and their targets. */
export function dnsSource(config: DnsDiscovery, parts: SourceParts): Source {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 })
  if (config.servers.length > 0) resolver.setServers([...config.servers])
  const known: Families = new Set()
  const poller = new Poller(parts, async () => {
    const answer =
      config.type === 'srv'
        ? await lookUpServices(resolver, config, known)
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

interface Answer {
  readonly backends: readonly BackendConfig[]
  /** The shortest TTL; undefined where the records tell none. */
  readonly ttlMs: number | undefined
}

/** The TTL decides, within a second and `interval` where that is given, else five minutes (SRV: 30 s). */
function nextIn(ttlMs: number | undefined, { intervalMs, type }: DnsDiscovery): number {
  const most = intervalMs ?? (type === 'srv' ? MAX_SRV_TTL_MS : MAX_TTL_MS)
  return Math.max(MIN_TTL_MS, Math.min(ttlMs ?? intervalMs ?? 10_000, most))
}

async function lookUpHost(resolver: Resolver, config: DnsDiscovery, known: Families): Promise<Answer> {
  const records = await addressesOf(resolver, config.name, known)
  return {
    backends: records.map(({ address }) => backendAt(address, config.port!, {})).sort(byName),
    ttlMs: shortest(records)
  }
}

interface AddressRecord {
  readonly address: string
  readonly ttl: number
}

/** Names that have had addresses of a family, so that its servers' failure is told from its absence. */
type Families = Set<string>

/**
 * Both families. A server that fails for one of them (SERVFAIL, REFUSED) must not make backends vanish that were found
 * in it before; a family that never had any may fail as it likes, as it does at many resolvers.
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

async function lookUpServices(resolver: Resolver, config: DnsDiscovery, known: Families): Promise<Answer> {
  const services = await resolver.resolveSrv(config.name)
  // RFC 2782: a single target "." says that the service is not there.
  const real = services.filter(({ name }) => name !== '' && name !== '.')
  if (real.length === 0) throw new Error(`${config.name} has no target`)
  const best = Math.min(...real.map(({ priority }) => priority))
  const targets = await Promise.all(
    [...new Set(real.map(({ name }) => name))].map(
      async (name) => [name, await addressesOf(resolver, name, known)] as const
    )
  )
  const addresses = new Map(targets)
  const scale = weightScale(real.map(({ weight }) => weight))
  const backends = real.flatMap(({ name, port, priority, weight }) =>
    addresses.get(name)!.map(({ address }) =>
      backendAt(address, port, {
        // RFC 2782: weight 0 is for who is hardly to be chosen.
        weight: Math.max(1, Math.round(weight * scale)),
        backup: priority !== best
      })
    )
  )
  return {
    backends: unique(backends).sort(byName),
    ttlMs: shortest([...addresses.values()].flat())
  }
}

/** SRV weights go up to 65535, ours to 1000. */
function weightScale(weights: readonly number[]): number {
  const most = Math.max(1, ...weights)
  return most > MAX_WEIGHT ? MAX_WEIGHT / most : 1
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

/** A backend by its address; named after it, so that it is the same one whatever told of it. */
export function backendAt(
  host: string,
  port: number,
  { weight = 1, backup = false, name }: { weight?: number; backup?: boolean; name?: string }
): BackendConfig {
  const text = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
  return { name: name ?? text, address: { kind: 'tcp', host, port, text }, weight, backup }
}
