import { compileCidrs, type CidrSet } from '../../net/address/cidr.ts'
import type { RouteMatch } from '../../config/model/model.ts'
import { queryValue } from '../uri/query.ts'
import { ClientCertMatch } from './client-cert-match.ts'
import type { MatchInput } from './match-input.ts'

/** The word for a condition in explanations: the key of RouteMatch. */
export type ConditionName = keyof RouteMatch

/** What is left to check of a route once the index has settled its host and its path or prefix. */
export class Conditions {
  readonly #methods: readonly string[] | undefined
  readonly #headers: readonly Pair[] | undefined
  readonly #query: readonly Pair[] | undefined
  readonly #clientIp: CidrSet | undefined
  readonly #pathRegex: RegExp | undefined
  readonly #clientCert: ClientCertMatch | undefined

  constructor(match: RouteMatch) {
    this.#methods = match.methods.length > 0 ? match.methods : undefined
    this.#headers = pairs(match.headers)
    this.#query = pairs(match.query)
    this.#clientIp = match.clientIp.length > 0 ? compileCidrs(match.clientIp) : undefined
    this.#clientCert = match.clientCert && new ClientCertMatch(match.clientCert)
    this.#pathRegex = match.pathRegex === undefined ? undefined : new RegExp(match.pathRegex)
  }

  hold(input: MatchInput): boolean {
    return this.failed(input) === undefined
  }

  /** The first condition that does not hold, the cheapest asked first; undefined when all do. */
  failed(input: MatchInput): ConditionName | undefined {
    if (this.#methods !== undefined && !this.#methods.includes(input.method)) return 'methods'
    if (this.#headers !== undefined && !this.#headersHold(this.#headers, input)) return 'headers'
    if (this.#query !== undefined && !this.#queryHolds(this.#query, input)) return 'query'
    if (this.#clientIp !== undefined && !this.#clientIp.contains(input.clientIp)) return 'clientIp'
    if (this.#clientCert?.holds(input.client?.tls?.clientCertificate) === false) return 'clientCert'
    if (this.#pathRegex !== undefined && !this.#pathRegex.test(input.path)) return 'pathRegex'
    return undefined
  }

  // A field that is sent twice has the joined value: which of the two the backend would believe is unknown.
  #headersHold(wanted: readonly Pair[], input: MatchInput): boolean {
    for (let i = 0; i < wanted.length; i++) {
      const pair = wanted[i]!
      const value = input.headers.getJoined(pair.name)
      if (value === undefined || (pair.value !== undefined && pair.value !== value)) return false
    }
    return true
  }

  #queryHolds(wanted: readonly Pair[], input: MatchInput): boolean {
    for (let i = 0; i < wanted.length; i++) {
      const pair = wanted[i]!
      const value = queryValue(input.query, pair.name)
      if (value === undefined || (pair.value !== undefined && pair.value !== value)) return false
    }
    return true
  }
}

interface Pair {
  readonly name: string
  /** Undefined: any value, `*` in the config. */
  readonly value: string | undefined
}

function pairs(record: Readonly<Record<string, string>>): readonly Pair[] | undefined {
  const list = Object.entries(record).map(([name, value]) => ({
    name,
    value: value === '*' ? undefined : value
  }))
  return list.length > 0 ? list : undefined
}
