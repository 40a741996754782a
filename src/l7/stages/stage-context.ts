import type { L7ListenerConfig, RouteConfig } from '../../config/model/model.ts'
import type { HttpCache } from '../cache/http-cache.ts'
import type { Target } from '../compile/l7-snapshot.ts'
import type { EngineContext } from '../exchange/engine-context.ts'
import type { SessionStores } from './auth/oidc/remote-sessions.ts'
import type { RemoteRates } from './rate-limit/remote-rates.ts'
import type { Refuse } from './refuse.ts'
import type { Stage } from './stage.ts'

/** What a stage is compiled with: once per route, and once for requests without a route. */
export interface StageContext {
  readonly listener: L7ListenerConfig
  /** Undefined for answers without a route: 404, malformed requests. */
  readonly route: RouteConfig | undefined
  /** Clock, random numbers, log, metrics and deadlines of this thread. */
  readonly engine: EngineContext
  /** A pool as this route uses it; throws for a name that config/ should have refused. */
  target(pool: string): Target
  /** Number of this thread: 0 is the main thread, 1 … the workers. */
  readonly thread: number
  /** What the stage's `memory` has allocated for these keys; undefined without `memory`. */
  readonly memory: unknown
  /** Counts that several instances share, connected on first use; undefined when there are none. */
  remoteRates(): RemoteRates | undefined
  /** Sessions that several instances share, connected on first use; undefined when there are none. */
  remoteSessions(): SessionStores | undefined
  /** The cache of the route. */
  readonly cache: HttpCache | undefined
  /** For guards: refuses exchanges, counted and logged; with `shadow: true` in the stage's keys it only logs. */
  readonly refuse: Refuse
  /** The same for a guard with a list of rules, each with a `shadow` of its own. */
  refuser(shadow: boolean): Refuse
}

/** Creates the stage from `keys`, as the stage's schema reads them; undefined where there is nothing to do. */
export type CompileStage<Keys> = (keys: Keys, context: StageContext) => Stage | undefined
