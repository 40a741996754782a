import type { Clock } from '../core/clock.ts'
import type { Deadlines } from '../core/deadlines.ts'
import type { Logger } from '../core/log/log.ts'
import type { Metrics } from '../core/metrics/metrics.ts'
import type { Random } from '../core/random.ts'
import type { AdmissionTables } from '../net/admission/gate.ts'
import type { TlsThread } from '../net/tls/tls-thread.ts'
import type { Lookup } from '../net/dial/lookup.ts'

/** What the L4 engines of one thread share. */
export interface L4Deps {
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly random: Random
  readonly log: Logger
  readonly metrics: Metrics
  readonly admission: AdmissionTables
  readonly tls: TlsThread
  /** Left out: names are looked up by the system, remembered for five seconds. */
  readonly lookup?: Lookup
}
