import { compileCidrs, type CidrSet } from '../../net/address/cidr.ts'
import type { PathPolicy, RouteMatch, ValueMatch } from '../../config/model/model.ts'
import { ambiguous, certainCookie } from '../../core/cookies.ts'
import { UNKNOWN_LENGTH } from '../message/body-length.ts'
import { clientScheme } from '../headers/client-scheme.ts'
import { queryValue } from '../uri/query.ts'
import { ClientCertMatch } from './client-cert-match.ts'
import type { MatchInput } from './match-input.ts'
import { Place } from './place.ts'

/** The word for a condition in explanations: the key of RouteMatch. */
export type ConditionName = keyof RouteMatch

/** What the index leaves to be checked; undefined when that is nothing. */
export function conditionsOf(match: RouteMatch, policy: PathPolicy): Conditions | undefined {
  const conditions = new Conditions(match, policy)
  return conditions.some ? conditions : undefined
}

/** What is left to check of a route once the index has settled its host and its path or prefix. */
export class Conditions {
  readonly #methods: readonly string[] | undefined
  readonly #headers: readonly Pair[] | undefined
  readonly #query: readonly Pair[] | undefined
  readonly #clientIp: CidrSet | undefined
  readonly #pathRegex: RegExp | undefined
  readonly #clientCert: ClientCertMatch | undefined
  readonly #cookies: readonly Pair[] | undefined
  readonly #body: RouteMatch['body']
  readonly #any: readonly Part[] | undefined
  readonly #not: readonly Part[] | undefined
  readonly #clearText: boolean

  constructor(match: RouteMatch, policy: PathPolicy) {
    this.#methods = match.methods.length > 0 ? match.methods : undefined
    this.#headers = pairs(match.headers)
    this.#query = pairs(match.query)
    this.#clientIp = match.clientIp.length > 0 ? compileCidrs(match.clientIp) : undefined
    this.#clientCert = match.clientCert && new ClientCertMatch(match.clientCert)
    this.#cookies = pairs(match.cookies ?? {})
    this.#body = match.body
    this.#any = match.any?.map((part) => new Part(part, policy))
    this.#not = match.not?.map((part) => new Part(part, policy))
    this.#clearText = match.clearText === true
    this.#pathRegex = match.pathRegex === undefined ? undefined : new RegExp(match.pathRegex)
  }

  /** There is something to check. */
  get some(): boolean {
    const parts = [
      this.#methods,
      this.#headers,
      this.#query,
      this.#clientIp,
      this.#pathRegex,
      this.#clientCert
    ]
    const rest = [this.#cookies, this.#body, this.#any, this.#not]
    return this.#clearText || [...parts, ...rest].some((part) => part !== undefined)
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
    if (this.#cookies !== undefined && !this.#cookiesHold(this.#cookies, input)) return 'cookies'
    if (this.#body !== undefined && !sizeHolds(this.#body, input.bodyLength)) return 'body'
    if (this.#clearText && input.asked !== undefined && clientScheme(input.asked) === 'https')
      return 'clearText'
    if (this.#pathRegex !== undefined && !this.#pathRegex.test(input.path)) return 'pathRegex'
    if (this.#any !== undefined && !oneHolds(this.#any, input)) return 'any'
    if (this.#not !== undefined && oneHolds(this.#not, input)) return 'not'
    return undefined
  }

  // A field that is sent twice has its joined value: which of the two the backend would use is unknown.
  #headersHold(wanted: readonly Pair[], input: MatchInput): boolean {
    for (let i = 0; i < wanted.length; i++) {
      const pair = wanted[i]!
      const value = input.headers.getJoined(pair.name)
      if (value === undefined || !isWanted(pair, value)) return false
    }
    return true
  }

  /** A cookie that servers may read differently counts as present, with no value. */
  #cookiesHold(wanted: readonly Pair[], input: MatchInput): boolean {
    const field = input.headers.getJoined('cookie')
    for (let i = 0; i < wanted.length; i++) {
      const pair = wanted[i]!
      const value = certainCookie(field, pair.name)
      if (value === undefined || !isWanted(pair, value)) return false
    }
    return true
  }

  #queryHolds(wanted: readonly Pair[], input: MatchInput): boolean {
    for (let i = 0; i < wanted.length; i++) {
      const pair = wanted[i]!
      const value = queryValue(input.query, pair.name)
      if (value === undefined || !isWanted(pair, value)) return false
    }
    return true
  }
}

/** A match within `any` or `not`, which holds or not as a whole: the index knows nothing of it. */
class Part {
  readonly #place: Place
  readonly #conditions: Conditions

  constructor(match: RouteMatch, policy: PathPolicy) {
    this.#place = new Place(match, policy)
    this.#conditions = new Conditions(match, policy)
  }

  holds(input: MatchInput): boolean {
    return this.#place.failed(input) === undefined && this.#conditions.hold(input)
  }
}

function oneHolds(parts: readonly Part[], input: MatchInput): boolean {
  for (let i = 0; i < parts.length; i++) if (parts[i]!.holds(input)) return true
  return false
}

/** A body of unknown length may have any: it is over every bound, and under none. */
function sizeHolds({ over, under }: NonNullable<RouteMatch['body']>, length: number): boolean {
  const size = length === UNKNOWN_LENGTH ? Infinity : length
  return (over === undefined || size > over) && (under === undefined || size < under)
}

interface Pair {
  readonly name: string
  /** Undefined: any value, `*` in the config. */
  readonly value: string | undefined
  readonly regex: RegExp | undefined
}

function isWanted({ value: wanted, regex }: Pair, value: string | typeof ambiguous): boolean {
  if (regex !== undefined) return value !== ambiguous && regex.test(value)
  return wanted === undefined || wanted === value
}

function pairs(record: Readonly<Record<string, ValueMatch>>): readonly Pair[] | undefined {
  const list = Object.entries(record).map(([name, value]) => ({
    name,
    value: typeof value !== 'string' || value === '*' ? undefined : value,
    regex: typeof value === 'string' ? undefined : new RegExp(value.regex)
  }))
  return list.length > 0 ? list : undefined
}
