import { parentPort, workerData } from 'node:worker_threads'
import { shedIdle, socketFreed } from '../../balancer/queue/socket-queue.ts'
import { wakeQueue } from '../../balancer/queue/wait-queue.ts'
import { systemClock } from '../../core/clock.ts'
import { contain, guarded } from '../../core/containment.ts'
import { loggerTo, plainError } from '../../core/log/host-logger.ts'
import { createLogger } from '../../core/log/log.ts'
import { goOnWithout } from '../../core/log/log-file.ts'
import { flushLogs, reopenLogs } from '../../core/log/line-sink.ts'
import { Metrics } from '../../core/metrics/metrics.ts'
import { watchEventLoop } from '../../core/metrics/event-loop-delay.ts'
import { systemRandom } from '../../core/random.ts'
import { DataPlane } from '../plane/data-plane.ts'
import { joinDelta } from './delta-parts.ts'
import { makeEngines } from '../plane/make-engines.ts'
import { threadLookup } from '../../net/dial/lookup.ts'
import type { SentSockets } from '../../net/descriptors/descriptor-sender.ts'
import type { FromWorker, ToWorker, WorkerInit } from './messages.ts'
import { DescriptorInbox } from '../../net/descriptors/descriptor-inbox.ts'
import type { GivenSockets } from '../plane/sockets/bound.ts'
import { Peers } from './peers.ts'
import { Heartbeats } from './watch/watchdog.ts'
import { SharedMemory } from '../memory/shared-memory.ts'
import { applyDelta } from '../plane/plane-snapshot.ts'
import { plainStartError } from '../control/start-error.ts'
import { reportOnItself } from '../process/report-on-itself.ts'
import { catchTheRest } from '../process/last-net.ts'
import { HeapTidier } from '../memory/tidy-heap.ts'

// The entry of a worker thread: one data plane, driven by messages from the control plane.

const init = workerData as WorkerInit
const port = parentPort!
const log = init.forwardLog
  ? loggerTo(
      // Only JSON values are certain to pass between threads.
      (level, fields, message) =>
        post({
          type: 'log',
          level,
          fields: JSON.parse(JSON.stringify(fields, plainError)) as object,
          message
        }),
      init.logLevel,
      { worker: init.thread }
    )
  : createLogger({
      level: init.logLevel,
      fields: { worker: init.thread },
      buffered: true,
      fd: init.logFd
    })
const metrics = new Metrics((announcement) => post({ type: 'metrics', announcement }))
reportOnItself({ log, metrics, clock: systemClock })
if (init.replaces) goOnWithout((file, { message }) => log.error({ file }, message))
// Ends the worker after errors that it cannot continue from: the main thread replaces it.
const letGo = catchTheRest(() => process.exit(1))
const memory = SharedMemory.attach(init.memory, init.row)
const { table } = memory
const common = { table, clock: systemClock, random: systemRandom, log }
const { pseudonym } = init
const wanted = (listener: string, name: string) => post({ type: 'wanted', listener, name })
const engines = makeEngines({ ...common, metrics, memory, pseudonym, wanted })
const peers = new Peers({
  wake: (pool) => wakeQueue(table, pool),
  shed: (slot) => shedIdle(table, slot),
  freed: (slot) => socketFreed(table, slot)
})
table.signals = peers
const plane = new DataPlane({
  ...common,
  engines,
  metrics,
  onChange: (event) => post({ type: 'change', event }),
  servesUnshared: init.thread === 1
})
// From now on it hears which addresses of names other threads find.
threadLookup()
new Heartbeats(init.beats).begin(init.row, systemClock)
watchEventLoop(metrics, String(init.thread), systemClock)
// Threads take turns, and large heaps are skipped: there a reload hardly matters and marking takes long.
const heap = new HeapTidier(systemClock, 6_000 + 500 * (init.thread % 8), 128 * 2 ** 20)

let inbox: DescriptorInbox | undefined
let adoptions = Promise.resolve()

port.on('message', (message: ToWorker) => receive(message))

function receive(message: ToWorker): void {
  switch (message.type) {
    case 'prepare':
      void prepare(message)
      return
    case 'inbox':
      inbox = new DescriptorInbox(message.far)
      return
    case 'adopt':
    case 'release':
      adoptions = adopt(message).catch((error: unknown) => void contain(error))
      return
    case 'commit':
      plane.commit()
      goOnWithout(undefined)
      heap.soon()
      log.level = plane.snapshot!.logLevel
      // Sent before the answer: the main thread has all series of a snapshot when it hears that it is in force.
      metrics.flush()
      return post({ type: 'committed', id: message.id, listeners: plane.connections() })
    case 'abort':
      return plane.abort()
    case 'backend':
      return guarded(() => plane.backend(message.fate, message.key))
    case 'connections':
      return guarded(() => post({ type: 'connections', id: message.id, listeners: plane.connections() }))
    case 'drain':
      void drain(message.graceMs)
      return
    case 'reopen-log':
      return reopenLogs()
    case 'peer':
      return peers.connect(message.thread, message.port)
    case 'crash':
      if (!init.crashable) return
      if (message.message === undefined) for (;;);
      letGo()
      throw new Error(message.message)
  }
}

async function prepare({ delta, parts, sockets }: Extract<ToWorker, { type: 'prepare' }>): Promise<void> {
  const taken = given(sockets)
  try {
    const snapshot = applyDelta(plane.snapshot, await joinDelta(delta, parts, plane.snapshot))
    const ports = await plane.prepare(snapshot, await taken)
    post({ type: 'prepared', id: delta.id, ports })
  } catch (error) {
    post({ type: 'failed', id: delta.id, error: plainStartError(error) })
  } finally {
    closeUnused(await taken.catch(() => new Map()))
  }
}

/** One after the other, so that sockets are adopted before they are released. */
async function adopt(message: Extract<ToWorker, { type: 'adopt' | 'release' }>): Promise<void> {
  const before = adoptions
  const taken = message.type === 'adopt' ? given(message.sockets) : undefined
  await before
  if (taken === undefined) return plane.release(message.thread)
  const sockets = await taken
  plane.adopt(message.thread, sockets)
  closeUnused(sockets)
}

async function given({ batch, keys }: SentSockets): Promise<GivenSockets> {
  const sockets: GivenSockets = new Map()
  if (keys.length === 0) return sockets
  const handles = await inbox!.take(
    batch,
    keys.reduce((sum, [, count]) => sum + count, 0)
  )
  for (const [key, count] of keys) sockets.set(key, handles.splice(0, count))
  return sockets
}

function closeUnused(sockets: GivenSockets): void {
  for (const handle of [...sockets.values()].flat()) handle.close()
}

async function drain(graceMs: number): Promise<void> {
  const cut = await plane.drain(graceMs)
  peers.close()
  await flushLogs()
  post({ type: 'drained', cut })
}

function post(message: FromWorker): void {
  port.postMessage(message)
}
