import type { Clock } from '../../core/clock.ts'
import type { Deadlines } from '../../core/deadlines.ts'
import type { Logger } from '../../core/log/log.ts'
import type { LogThrottle } from '../../core/log/log-throttle.ts'
import type { Counter, Metrics } from '../../core/metrics/metrics.ts'
import type { Challenges } from '../../net/tls/challenges.ts'
import type { Random } from '../../core/random.ts'
import type { ExchangeCounts } from '../exchange-counts.ts'

/** What all engines of a thread share. */
export interface L7Deps {
  readonly clock: Clock
  readonly random: Random
  readonly deadlines: Deadlines
  readonly log: Logger
  readonly metrics: Metrics
  /** Answers to authorities' validations; undefined where there is no ACME. */
  readonly challenges?: Challenges | undefined
}

/** What the parts of one engine share. */
export interface EngineContext extends L7Deps {
  /** This process in Via and CDN-Loop. */
  readonly pseudonym: string
  /** "Via: 1.1 lb-…\r\n"; of messages that came over HTTP/2. */
  readonly viaLine: string
  readonly viaLine2: string
  /** "CDN-Loop: lb-…\r\n". */
  readonly loopLine: string
  readonly bytesIn: Counter
  readonly bytesOut: Counter
  /** For lines that clients and backends can make us write at any rate. */
  readonly throttle: LogThrottle
  /** No new exchange begins on a connection that has ended one. */
  readonly draining: boolean
  /** For `lb explain`: what is compiled starts nothing, asks nobody, and keeps nothing. */
  readonly dry: boolean
  readonly counts: ExchangeCounts
}
