import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import type { Lease } from '../../src/balancer/pool/lease.ts'
import { Pool } from '../../src/balancer/pool/pool.ts'
import type { PoolSlots } from '../../src/balancer/table/slot-registry.ts'
import { BackendTable, type TableBuffers } from '../../src/balancer/table/table.ts'
import type { PoolConfig } from '../../src/config/model/model.ts'
import { systemClock } from '../../src/core/clock.ts'
import { seededRandom } from '../../src/core/random.ts'

/** What one thread of threads.test.ts saw. */
export interface HammerReport {
  picked: number
  refused: number
  /** Times a backend counted more at once than its maxConnections. */
  over: number
}

interface HammerData {
  readonly buffers: TableBuffers
  readonly thread: number
  readonly slots: PoolSlots
  readonly config: PoolConfig
  readonly picks: number
  readonly counters: Int32Array
}

function hammer({ buffers, thread, slots, config, picks, counters }: HammerData): HammerReport {
  const table = BackendTable.attach(buffers, thread)
  const random = seededRandom(thread)
  const pool = new Pool({ config, slots, table, clock: systemClock, random })
  const report: HammerReport = { picked: 0, refused: 0, over: 0 }
  const held: Lease[] = []

  function take(): void {
    const lease = pool.acquire({})
    if (lease === undefined) {
      report.refused++
      return
    }
    report.picked++
    held.push(lease)
    const { position } = lease
    const { maxConnections = Infinity } = lease.backend
    // The backend's own count, kept apart from the table's.
    if (Atomics.add(counters, position, 1) + 1 > maxConnections) report.over++
  }

  function drop(): void {
    const [lease] = held.splice(Math.floor(random() * held.length), 1)
    if (lease === undefined) return
    Atomics.sub(counters, lease.position, 1)
    lease.release('ok')
  }

  if (picks === 0) {
    // For the trial: pick for 300 ms, keep what is got.
    const end = systemClock.now() + 300
    while (systemClock.now() < end) take()
  } else {
    for (let i = 0; i < picks; i++) {
      if (held.length < 200 && random() < 0.6) take()
      else drop()
    }
  }
  while (picks > 0 && held.length > 0) drop()
  return report
}

if (!isMainThread) parentPort!.postMessage(hammer(workerData as HammerData))
