import { parentPort, workerData } from 'node:worker_threads'
import type { RouteCache } from '../../../../src/config/model/model.ts'
import { systemClock } from '../../../../src/core/clock.ts'
import { steadyNow } from '../../../../src/l7/cache/steady-now.ts'
import type { Decision } from '../../../../src/l7/cache/decide/decision.ts'
import { HttpCache } from '../../../../src/l7/cache/http-cache.ts'
import type { CacheRequest } from '../../../../src/l7/cache/ports.ts'
import type { SharedStoreMemory } from '../../../../src/l7/cache/store/memory/layout.ts'
import { SharedStore } from '../../../../src/l7/cache/store/shared-store.ts'
import type { FieldList } from './fields.ts'
import { fields } from './fields.ts'

/** Many requests for one object in one of several threads; the origin is a timer that counts. */
interface Orders {
  readonly memory: SharedStoreMemory
  readonly index: number
  readonly config: RouteCache
  readonly requests: number
  readonly fetches: SharedArrayBuffer
  /** 1 at the index of each thread in which bytes came to a follower. */
  readonly followed: SharedArrayBuffer
  readonly answer: FieldList
  readonly chunks: number
  readonly announced: boolean
  readonly breaks: number
}

/** How long a fetch waits for followers in the other thread, times `PAUSE_MS`. */
const PATIENCE = 2_000
const PAUSE_MS = 5

const orders = workerData as Orders
const fetches = new Int32Array(orders.fetches)
const followed = new Int32Array(orders.followed)
const store = new SharedStore(orders.memory, orders.index, 1 << 20)
const counters = { add: () => {} }
const cache = new HttpCache({
  config: orders.config,
  store,
  counters,
  clock: systemClock,
  random: Math.random
})
const request: CacheRequest = {
  method: 'GET',
  scheme: 'http',
  host: 'a',
  path: '/crowd',
  query: '',
  headers: fields([])
}
const chunk = Buffer.alloc(10_000, 'x')
const total = orders.chunks * chunk.length
const report = { whole: 0, broken: 0, wrong: 0, streamed: false }
let open = orders.requests

function done(bytes: number, whole: boolean): void {
  if (!whole) report.broken++
  else if (bytes === total) report.whole++
  else report.wrong++
  if (--open === 0) parentPort!.postMessage({ ...report, pins: store.stats().pins })
}

function act(decision: Decision): void {
  if (decision.kind === 'wait') return void decision.wait(20_000, act)
  if (decision.kind === 'gateway-timeout') return done(0, false)
  if (decision.kind === 'hit') {
    const { reader, body } = decision
    if (reader === undefined) return done(body?.length ?? 0, true)
    let bytes = 0
    const pump = () => {
      for (let piece = reader.read(); piece !== undefined; piece = reader.read()) {
        Atomics.store(followed, orders.index, 1)
        bytes += piece.length
      }
      if (!reader.ended && !reader.failed) return void reader.onReady(pump)
      const whole = reader.ended
      reader.release()
      done(bytes, whole)
    }
    return pump()
  }
  const number = Atomics.add(fetches, 0, 1) + 1
  setTimeout(() => {
    if (number <= orders.breaks) {
      decision.onError(steadyNow(systemClock))
      return done(0, false)
    }
    const bytes = orders.announced ? total : undefined
    const result = decision.onResponse(
      { status: 200, headers: fields(orders.answer) },
      bytes,
      steadyNow(systemClock)
    )
    const writer = result.kind === 'pass' ? result.writer : undefined
    let sent = 0
    let patience = PATIENCE
    const next = () => {
      // The last chunk goes out when the other thread has some of those before it.
      const isFollowed = Atomics.load(followed, 1 - orders.index) === 1
      if (sent === orders.chunks - 1) {
        if (!isFollowed && patience-- > 0) return void setTimeout(next, PAUSE_MS)
        report.streamed = isFollowed
      }
      if (sent === orders.chunks) {
        writer?.finish()
        return done(total, true)
      }
      sent++
      writer?.write(chunk)
      setTimeout(next, PAUSE_MS)
    }
    next()
  }, 100)
}

// Neither waits nor the clock's timers hold a thread open; an engine's sockets do.
const hold = setInterval(() => open === 0 && clearInterval(hold), 50)
for (let n = 0; n < orders.requests; n++) act(cache.lookup(request, steadyNow(systemClock)))
