import { backendKilled } from './backend-killed.ts'
import { cacheHit, cacheMissStorm } from './cache.ts'
import { idleL4, idleL7 } from './idle.ts'
import { l4Bulk, l4Bulk8, l4NewConnections, l4RequestResponse } from './l4.ts'
import {
  backends1000,
  l7Get,
  l7Get1m,
  l7Get64k,
  l7GetPipelining,
  l7NewConnections,
  l7Post,
  routes1000,
  workers2
} from './l7.ts'
import { latencyFixedRate } from './latency.ts'
import type { Scenario } from './scenario.ts'
import { websocketEcho } from './websocket.ts'

/** In the order of the report. */
export const scenarios: readonly Scenario[] = [
  l7Get,
  l7GetPipelining,
  l7Post,
  l7Get64k,
  l7Get1m,
  l7NewConnections,
  cacheHit,
  cacheMissStorm,
  websocketEcho,
  l4RequestResponse,
  l4Bulk,
  l4Bulk8,
  l4NewConnections,
  latencyFixedRate,
  idleL7,
  idleL4,
  routes1000,
  backends1000,
  workers2,
  backendKilled
]

/** Named in the report, so that nobody takes their absence for an oversight. */
export const notYet: readonly { readonly name: string; readonly reason: string }[] = [
  { name: 'tls-h1', reason: 'comes with TLS on L7 listeners' },
  { name: 'h2', reason: 'comes with HTTP/2' },
  { name: 'filters-8', reason: 'comes with the filters' }
]
