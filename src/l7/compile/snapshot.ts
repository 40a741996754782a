import type { Pool } from '../../balancer/pool/pool.ts'
import type {
  HashKey,
  L7ListenerConfig,
  RequestLimits,
  RetryConfig,
  RouteConfig
} from '../../config/model/model.ts'
import type { Counter, Histogram } from '../../core/metrics/metrics.ts'
import type { Gate } from '../../net/admission/gate.ts'
import type { TlsServer } from '../../net/tls/tls-server.ts'
import type { CidrSet } from '../../net/address/cidr.ts'
import type { HttpCache } from '../cache/http-cache.ts'
import type { CompiledEdits } from '../headers/header-edits.ts'
import type { Upstreams } from '../forward/upstreams.ts'
import type { RetryBudget } from '../forward/retry-budget.ts'
import type { RedirectFacts } from '../router/redirect.ts'
import type { PathRewrite } from '../router/rewrite.ts'
import type { Router } from '../router/router.ts'
import type { Split } from '../router/split.ts'
import type { Sticky } from '../stages/sticky/sticky.ts'

/** One immutable running configuration of one listener; an exchange takes it once and keeps it. */
export interface Snapshot {
  readonly config: L7ListenerConfig
  readonly router: Router<CompiledRoute>
  readonly trusted: CidrSet
  /** Undefined when the listener lets everybody in. */
  readonly gate: Gate | undefined
  /** Undefined: clear text. */
  readonly tls: TlsServer | undefined
}

/** A pool with what this thread forwards by. */
export interface CompiledPool {
  readonly pool: Pool
  readonly upstreams: Upstreams
  readonly budget: RetryBudget
  /** Undefined when the algorithm uses no key. */
  readonly hashKey: HashKey | undefined
  readonly sticky: Sticky | undefined
  readonly badStatuses: ReadonlySet<number>
  readonly connectSeconds: Histogram
  readonly queueSeconds: Histogram
  readonly retries: Counter
}

export type CompiledAction =
  | { readonly kind: 'pool'; readonly target: Target }
  | { readonly kind: 'split'; readonly targets: Split<Target> }
  | {
      readonly kind: 'redirect'
      readonly status: number
      readonly location: (facts: RedirectFacts) => string
    }
  | { readonly kind: 'respond'; readonly status: number; readonly fields: string; readonly body: Buffer }

/** A pool as one route uses it. */
export interface Target {
  readonly pool: CompiledPool
  readonly retry: RetryConfig
  readonly connectMs: number
  readonly responseMs: number
  readonly idleMs: number
  readonly seconds: Histogram
}

export interface CompiledRoute {
  readonly config: RouteConfig
  readonly name: string
  readonly action: CompiledAction
  readonly rewrite: PathRewrite | undefined
  readonly requestEdits: CompiledEdits | undefined
  readonly responseEdits: CompiledEdits | undefined
  readonly limits: RequestLimits
  /** Limits beyond the head's have to be looked at. */
  readonly guarded: boolean
  readonly cache: HttpCache | undefined
  readonly mirror: { readonly target: Target; readonly share: number } | undefined
  readonly requests: Counter
  /** By the first digit of the status. */
  readonly responses: readonly Counter[]
}
