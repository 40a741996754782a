import { errorKind, type ErrorCode } from '../core/errors.ts'
import type { Logger } from '../core/log/log.ts'
import type { LogThrottle } from '../core/log/log-throttle.ts'
import type { Metrics } from '../core/metrics/metrics.ts'
import { endpointText, plainEndpoint, type Endpoint } from '../net/dial/endpoint.ts'
import type { HandshakeFailed } from '../net/tls/server/handshake-failure.ts'
import type { ExchangeCounts } from './exchange-counts.ts'

export interface RefusalsDeps {
  readonly log: Logger
  readonly throttle: LogThrottle
  readonly metrics: Metrics
  readonly counts: ExchangeCounts
}

/** Counts and logs the connections of a listener that end before they are served. */
export class Refusals {
  readonly #deps: RefusalsDeps
  readonly #listener: string

  constructor(deps: RefusalsDeps, listener: string) {
    this.#deps = deps
    this.#listener = listener
  }

  /** By the limits, the list of addresses, or the PROXY header. */
  refused(
    reason: 'limit' | 'denied' | 'proxy-header',
    code: ErrorCode,
    cause: string,
    client: Endpoint | undefined
  ): void {
    this.#count(reason, code)
    const { level } = errorKind(code)
    const common = { listener: this.#listener, code, reason }
    if (!this.#deps.throttle.allows(`${code} ${reason}`, level, common)) return
    this.#deps.log[level]({ ...common, ...clientOf(client), cause }, errorKind(code).phrase)
  }

  /** By their handshake. `client`: as a PROXY header has named it. */
  unsecured(failed: HandshakeFailed, client: Endpoint | undefined): void {
    const { reason, words, ordinary, peer, serverName } = failed
    const code = 'LB_TLS_HANDSHAKE'
    this.#count('tls', code)
    const { level: usual, phrase } = errorKind(code)
    const level = ordinary ? 'debug' : usual
    const { log, throttle } = this.#deps
    if (level === 'debug' && log.level !== 'debug' && log.level !== 'trace') return
    const common = { listener: this.#listener, code, reason: 'tls', failure: reason }
    if (!throttle.allows(`${code} ${reason}`, level, common)) return
    log[level]({ ...common, ...clientOf(client ?? plainEndpoint(peer)), serverName, cause: words }, phrase)
  }

  #count(reason: string, code: ErrorCode): void {
    this.#deps.counts.error(code)
    const labels = { listener: this.#listener, reason }
    this.#deps.metrics.counter('lb_connections_refused_total', labels).add()
  }
}

function clientOf(client: Endpoint | undefined): { readonly client?: string } {
  return client === undefined ? {} : { client: endpointText(client) }
}
