import { getHeapStatistics } from 'node:v8'
import { measureMemory } from 'node:vm'
import type { Clock } from '../../core/clock.ts'

/**
 * Collects the garbage of reloads in one thread. A configuration lives from one reload to the next, long enough to be
 * promoted, and V8 collects old objects only when they have about doubled: with reloads every 300 ms the process grew
 * by 40 MB in a minute before that.
 */
export class HeapTidier {
  readonly #clock: Clock
  readonly #afterMs: number
  readonly #maxBytes: number
  readonly #collect: () => void
  #cancel: (() => void) | undefined

  /** `afterMs`: a reload waits this long for others to share its collection. Heaps over `maxBytes` are left to V8. */
  constructor(clock: Clock, afterMs: number, maxBytes = Infinity, collect = collectOldObjects) {
    this.#clock = clock
    this.#afterMs = afterMs
    this.#maxBytes = maxBytes
    this.#collect = collect
  }

  /** Call it after a reload. */
  soon(): void {
    this.#cancel ??= this.#clock.after(this.#afterMs, () => {
      this.#cancel = undefined
      // Not process.memoryUsage(), which opens a file and so throws when no descriptor is free.
      if (getHeapStatistics().used_heap_size <= this.#maxBytes) this.#collect()
    })
  }

  close(): void {
    this.#cancel?.()
  }
}

/**
 * Starts an incremental, concurrent mark-compact, which measuring memory requires. The gc() of --expose-gc would stop
 * the thread for all of it, 20 to 50 ms with a small configuration.
 */
function collectOldObjects(): void {
  const { emitWarning } = process
  // The first call emits a warning that it is experimental, which operators of lb need not see.
  process.emitWarning = () => {}
  try {
    measureMemory({ execution: 'eager' }).catch(() => {})
  } catch {
    // This version of Node lacks it: garbage is then collected when V8 decides.
  } finally {
    process.emitWarning = emitWarning
  }
}
