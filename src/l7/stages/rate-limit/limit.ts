import type { Clock } from '../../../core/clock.ts'
import { KeyHash } from '../../../shared/key-hash.ts'
import type { Decision } from '../../../shared/rate-decision.ts'
import { RateTable, type RateBuffers } from '../../../shared/rate-table.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import { hashLimitKey, limitKeyValue } from '../limit-key/hash-limit-key.ts'
import { limitKeyText } from '../limit-key/limit-key.ts'
import type { RateRule } from '../../../shared/rate-rule.ts'
import type { RemoteLimit } from './remote-limit.ts'
import type { RateLimitInput } from './keys.ts'
import { ruleOf } from './memory.ts'

/** Reused for all requests of this thread. */
const hash = new KeyHash()
const written = {
  text: '',
  addText(text: string): void {
    this.text += `${text.length}:${text}`
  },
  addNumber(value: number): void {
    this.text += `#${value}`
  }
}
const ignored: Decision = { allowed: true, remaining: 0, retryMs: 0, fullMs: 0 }

/** One limit of a route on this thread. */
export class Limit {
  readonly name: string
  readonly config: RateLimitInput
  /** `"default";q=100;w=60`, an item of RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11 §3). */
  readonly policy: string
  /** Present where instances count together. */
  readonly remote: RemoteLimit | undefined
  readonly #table: RateTable
  readonly #seed: number
  readonly #clock: Clock
  readonly #msPerToken: number
  readonly #methods: ReadonlyMap<string, number> | undefined
  readonly #statuses: ReadonlyMap<string, number> | undefined

  constructor(
    config: RateLimitInput,
    index: number,
    buffers: RateBuffers,
    clock: Clock,
    onUntracked: () => void = () => {},
    remote: (limit: string, rule: RateRule) => RemoteLimit | undefined = () => undefined
  ) {
    this.config = config
    this.name = config.name ?? (index === 0 ? 'default' : `limit-${index + 1}`)
    const rule = ruleOf(config)
    this.#table = new RateTable(rule, buffers, onUntracked)
    this.remote = remote(this.name, rule)
    this.#seed = buffers.seed
    this.#clock = clock
    const { requests, per, cost, algorithm, burst = requests } = config
    const bucket = algorithm === 'token-bucket'
    this.#msPerToken = bucket ? per / requests : 0
    // The field has whole seconds only; rounded up, so that it never promises too much.
    const own = bucket && burst !== requests ? `;lb-burst=${burst}` : ''
    this.policy = `"${this.name}";q=${requests};w=${Math.ceil(per / 1000)}${own}`
    this.#methods = mapOf(cost?.methods)
    this.#statuses = mapOf(cost?.statuses)
  }

  /** Whether clients get the fields. Not for a limit in shadow mode, since clients would slow down for it. */
  get tells(): boolean {
    return this.config.fields && !this.config.shadow
  }

  /** The response changes what is counted. */
  get chargesResponses(): boolean {
    return this.#statuses !== undefined || this.config.cost?.bytes !== undefined
  }

  /**
   * `"default";r=50;t=30`: what is left, and the time for which it has to do (§4 of the draft). A full bucket is full at once; but
   * who spends what is left within `t` shall not go faster than the policy, over all (§6 and §8.5).
   */
  item({ remaining, fullMs }: Decision): string {
    const ms = Math.max(fullMs, remaining * this.#msPerToken)
    return `"${this.name}";r=${remaining};t=${Math.ceil(ms / 1000)}`
  }

  take(exchange: Exchange, into: Decision): void {
    this.#key(exchange)
    this.#table.take(hash.low, hash.high, this.costOf(exchange), this.#clock.now(), into)
  }

  peek(exchange: Exchange, into: Decision): void {
    this.#key(exchange)
    this.#table.peek(hash.low, hash.high, this.costOf(exchange), this.#clock.now(), into)
  }

  /** A later limit has refused the request, so this one does not count it. */
  giveBack(exchange: Exchange): void {
    this.charge(exchange, -this.costOf(exchange))
    this.remote?.charge(this.remoteKey(exchange), -this.costOf(exchange))
  }

  /** Counts the additional cost of the response. */
  chargeResponse(exchange: Exchange): void {
    const { status, bytesOut } = exchange
    const statuses = this.#statuses
    let extra = statuses?.get(String(status)) ?? statuses?.get(`${Math.floor(status / 100)}xx`) ?? 0
    const bytes = this.config.cost?.bytes
    if (bytes !== undefined) extra += bytesOut / bytes
    if (extra <= 0) return
    this.charge(exchange, extra)
    this.remote?.charge(this.remoteKey(exchange), extra)
  }

  /** `token-bucket client-ip 203.0.113.7: 3 of 50 left, full in 470 ms`. */
  describe(exchange: Exchange, { remaining, fullMs }: Decision): string {
    const { key, algorithm, requests, burst } = this.config
    const values = key.map((each) => limitKeyValue(exchange, each) ?? `(none: ${exchange.clientIp})`)
    const most = algorithm === 'token-bucket' ? (burst ?? requests) : requests
    const who = [limitKeyText(key), ...values.filter((value) => value !== '')].join(' ')
    return `${algorithm} ${who}: ${remaining} of ${most} left, full in ${Math.ceil(fullMs)} ms`
  }

  /** The key of this request for the shared counts. */
  remoteKey(exchange: Exchange): string {
    const { remote } = this
    if (remote === undefined) return ''
    written.text = ''
    hashLimitKey(exchange, this.config.key, written)
    return remote.keyOf(written.text)
  }

  /** Counts in this instance, even beyond the limit. */
  charge(exchange: Exchange, cost: number): void {
    this.#key(exchange)
    this.#table.take(hash.low, hash.high, cost, this.#clock.now(), ignored, true)
  }

  costOf(exchange: Exchange): number {
    return this.#methods?.get(exchange.request.method) ?? 1
  }

  #key(exchange: Exchange): void {
    hash.begin(this.#seed)
    hashLimitKey(exchange, this.config.key, hash)
  }
}

function mapOf(
  record: Readonly<Record<string, number>> | undefined
): ReadonlyMap<string, number> | undefined {
  const entries = Object.entries(record ?? {})
  return entries.length === 0 ? undefined : new Map(entries)
}
