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
import type { CompiledEdits } from '../headers/header-edits.ts'
import type { Underway } from '../forward/underway.ts'
import type { Upstreams } from '../forward/upstreams.ts'
import type { RetryBudget } from '../forward/retry/attempts.ts'
import type { Router } from '../router/router.ts'
import type { Sticky } from '../stages/sticky/sticky.ts'
import type { HookLists, StageHooks } from './hook-lists.ts'

/** One immutable running configuration of one listener; an exchange takes it once and keeps it. */
export interface L7Snapshot {
  readonly config: L7ListenerConfig
  readonly router: Router<CompiledRoute>
  readonly trusted: CidrSet
  /** Undefined when the listener lets everybody in. */
  readonly gate: Gate | undefined
  /** Undefined: clear text. */
  readonly tls: TlsServer | undefined
  /** Asked before the route is known. */
  readonly early: { readonly [List in keyof StageHooks]: HookLists['request'] }
  /** For what no route takes. */
  readonly stages: StageHooks
}

/** A pool with what this thread forwards by. */
export interface CompiledPool {
  readonly pool: Pool
  readonly upstreams: Upstreams
  /** Where the pool says `onDown: close`. */
  readonly underway: Underway | undefined
  readonly budget: RetryBudget
  /** Undefined when the algorithm uses no key. */
  readonly hashKey: HashKey | undefined
  readonly sticky: Sticky | undefined
  readonly badStatuses: ReadonlySet<number>
  readonly connectSeconds: Histogram
  readonly queueSeconds: Histogram
  readonly retries: Counter
}

/** A pool as one route uses it. */
export interface Target {
  readonly pool: CompiledPool
  readonly retry: RetryConfig
  readonly connectMs: number
  readonly responseMs: number
  readonly idleMs: number
  /** As `idleMs`, for event streams. */
  readonly streamMs: number
  readonly seconds: Histogram
}

export interface CompiledRoute {
  readonly config: RouteConfig
  readonly name: string
  readonly stages: StageHooks
  readonly requestEdits: CompiledEdits | undefined
  /** Of the request's fields, as CGI servers read them (`variableName`): what stages own; undefined: nothing. */
  readonly owned: ReadonlySet<string> | undefined
  /** … and what the edits name: no trailer may bring these. */
  readonly decided: ReadonlySet<string> | undefined
  readonly responseEdits: CompiledEdits | undefined
  readonly limits: RequestLimits
  readonly requests: Counter
  /** By the first digit of the status. */
  readonly responses: readonly Counter[]
}
