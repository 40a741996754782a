import type { ConnectionLimit } from '../../config/model/model.ts'
import type { Clock } from '../../core/clock.ts'
import { compileCidrs, type CidrSet } from '../address/cidr.ts'
import { ipWords, parseIp } from '../address/ip-address.ts'
import { nameWords } from './name-words.ts'
import { FULL, type Limits, type SharedCounts, TOO_FAST } from '../../shared/shared-counts.ts'

/** The part of a listener's configuration that says who may connect. */
export interface GateConfig {
  readonly name: string
  readonly allow: readonly string[]
  readonly deny: readonly string[]
  readonly maxConnections?: number
  readonly connectionLimit?: ConnectionLimit
  readonly proxyProtocol?: { readonly trusted: readonly string[] }
}

/** Shared by all listeners and threads: the main thread creates the two tables and the workers attach to them. */
export interface AdmissionTables {
  /** One entry per listener with maxConnections. */
  readonly listeners: SharedCounts
  /** One per listener and client. */
  readonly clients: SharedCounts
}

export type Refusal = 'denied' | 'max-connections' | 'client-connections' | 'client-rate'

/**
 * Decides who may connect to one listener, and how many connections are allowed. Both engines call `enter` when a
 * connection is accepted, and `admit` once the client's address is known (after the PROXY header, where one is read).
 */
export class Gate {
  /** False when no rule depends on the client's address. */
  readonly needsAddress: boolean
  readonly #allow: CidrSet | undefined
  readonly #deny: CidrSet | undefined
  readonly #trusted: CidrSet | undefined
  readonly #most: Limits
  readonly #perClient: Limits
  readonly #tables: AdmissionTables
  readonly #clock: Clock
  readonly #name: readonly [number, number]

  constructor(config: GateConfig, tables: AdmissionTables, clock: Clock) {
    const { allow, deny, connectionLimit, proxyProtocol } = config
    this.#allow = allow.length > 0 ? compileCidrs(allow) : undefined
    this.#deny = deny.length > 0 ? compileCidrs(deny) : undefined
    this.#trusted = proxyProtocol === undefined ? undefined : compileCidrs(proxyProtocol.trusted)
    this.#most = { most: config.maxConnections ?? 0, ratePerSecond: 0 }
    this.#perClient = {
      most: connectionLimit?.perClient ?? 0,
      ratePerSecond: connectionLimit?.ratePerSecond ?? 0
    }
    this.#tables = tables
    this.#clock = clock
    this.#name = nameWords(config.name)
    this.needsAddress =
      this.#allow !== undefined ||
      this.#deny !== undefined ||
      this.#trusted !== undefined ||
      this.#limitsClients
  }

  /** Undefined when the listener is at its limit. Give the admission back exactly once, when the connection closes. */
  enter(): Admission | undefined {
    const admission = new Admission(this.#tables)
    if (this.#most.most === 0) return admission
    const [a, b] = this.#name
    const place = this.#tables.listeners.take(a, b, 1, this.#most, 0)
    if (place === FULL) return undefined
    admission.listener = place
    return admission
  }

  /** True for peers that must send a PROXY header, which the peer of a unix socket never must. */
  expectsProxyHeader(peer: string | undefined): boolean {
    return this.#trusted !== undefined && peer !== undefined && this.#trusted.contains(peer)
  }

  /**
   * Why the client at `address` (undefined: on a unix socket) may not connect; undefined when it may, and then it is
   * counted in `admission`.
   */
  admit(address: string | undefined, admission: Admission): Refusal | undefined {
    if (address === undefined) return undefined
    if (this.#deny !== undefined && this.#deny.contains(address)) return 'denied'
    if (this.#allow !== undefined && !this.#allow.contains(address)) return 'denied'
    return this.#limitsClients ? this.#count(address, admission) : undefined
  }

  get #limitsClients(): boolean {
    return this.#perClient.most > 0 || this.#perClient.ratePerSecond > 0
  }

  #count(address: string, admission: Admission): Refusal | undefined {
    const family = parseIp(address)
    if (family === 0) return undefined
    const [a, b] = this.#name
    // An IPv6 client usually has a whole /64 (RFC 6177), so it could escape limits on single addresses.
    const place =
      family === 4
        ? this.#tables.clients.take(a ^ 4, b, ipWords[0]!, this.#perClient, this.#clock.now())
        : this.#tables.clients.take(a ^ ipWords[0]!, b ^ 6, ipWords[1]!, this.#perClient, this.#clock.now())
    if (place === FULL) return 'client-connections'
    if (place === TOO_FAST) return 'client-rate'
    admission.client = place
    return undefined
  }
}

/** Where a connection is counted. Give it back exactly once; later calls are ignored. */
export class Admission {
  /** Entries of the tables; negative: not counted. Written by Gate only. */
  listener = -1
  client = -1
  readonly #tables: AdmissionTables

  constructor(tables: AdmissionTables) {
    this.#tables = tables
  }

  leave(): void {
    if (this.listener >= 0) this.#tables.listeners.give(this.listener)
    if (this.client >= 0) this.#tables.clients.give(this.client)
    this.listener = this.client = -1
  }
}
