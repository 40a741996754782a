import { backendKilled } from './backend-killed.ts'
import { cacheHit, cacheMissStorm } from './cache.ts'
import { grpcUnary, h2c16x10, h2c1m, h2c64x1, h2cToH2c, h2cUpload1m, h2Tls16x10 } from './http2.ts'
import { idleH2c, idleH2Tls, idleL4, idleL7, idleTls } from './idle.ts'
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
import { compress, compressedHit } from './compress.ts'
import type { Scenario } from './scenario.ts'
import { accessLog, eachStage, stages } from './stages.ts'
import { tls12Resumed, tls1m, tlsFull, tlsGet, tlsResumed } from './tls.ts'
import { udpRenewed, udpStanding } from './udp.ts'
import { websocketEcho } from './websocket.ts'

/** In the order of the report. */
export const scenarios: readonly Scenario[] = [
  l7Get,
  l7GetPipelining,
  l7Post,
  l7Get64k,
  l7Get1m,
  l7NewConnections,
  accessLog,
  stages,
  compress,
  compressedHit,
  eachStage,
  tlsGet,
  tls1m,
  tlsFull,
  tlsResumed,
  tls12Resumed,
  h2c16x10,
  h2c64x1,
  h2Tls16x10,
  h2c1m,
  h2cUpload1m,
  h2cToH2c,
  grpcUnary,
  cacheHit,
  cacheMissStorm,
  websocketEcho,
  l4RequestResponse,
  l4Bulk,
  l4Bulk8,
  l4NewConnections,
  udpStanding,
  udpRenewed,
  latencyFixedRate,
  idleL7,
  idleTls,
  idleH2c,
  idleH2Tls,
  idleL4,
  routes1000,
  backends1000,
  workers2,
  backendKilled
]
