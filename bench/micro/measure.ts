import { spread, type Spread } from '../stats/spread.ts'

export interface MicroFigures {
  readonly ns: Spread
  /** On the heap of V8 and in array buffers, per operation; undefined without --expose-gc. */
  readonly bytes: number | undefined
}

export interface Effort {
  readonly batches: number
  readonly batchMs: number
}

type Loop = (count: number) => void
type NowNs = () => bigint
const hrtime: NowNs = () => process.hrtime.bigint()

/** Batches of equal, calibrated length; the median of them. */
export function measure(loop: Loop, { batches, batchMs }: Effort, now: NowNs = hrtime): MicroFigures {
  const count = calibrate(loop, batchMs, now)
  const ns = Array.from({ length: batches }, () => time(loop, count, now) / count)
  return { ns: spread(ns)!, bytes: allocated(loop, Math.min(count, 20_000)) }
}

/** How many operations take about `batchMs`; on the way there the code gets hot. */
export function calibrate(loop: Loop, batchMs: number, now: NowNs = hrtime): number {
  let count = 16
  for (;;) {
    const ns = time(loop, count, now)
    if (ns >= batchMs * 1e6 || count > 1e9) return count
    // At most eightfold, since the first rounds run in the interpreter and say little.
    count = Math.ceil(count * Math.min(8, Math.max(1.2, (batchMs * 1.1e6) / Math.max(ns, 1))))
  }
}

function time(loop: Loop, count: number, now: NowNs): number {
  const start = now()
  loop(count)
  return Number(now() - start)
}

/** The least of five tries, as only a collection in the middle can make it less than it is, and noise more. */
function allocated(loop: Loop, count: number): number | undefined {
  const collect = globalThis.gc
  if (collect === undefined) return undefined
  const tries = Array.from({ length: 5 }, () => {
    collect()
    const before = process.memoryUsage()
    loop(count)
    const after = process.memoryUsage()
    return (after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) / count
  })
  const sound = tries.filter((value) => value >= 0)
  return sound.length === 0 ? undefined : Math.min(...sound)
}
