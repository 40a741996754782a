import { getHeapStatistics } from 'node:v8'
import { measureMemory } from 'node:vm'
import type { Clock } from '../../core/clock.ts'

/**
 * Collects the garbage of reloads in one thread. A configuration lives from one reload to the next, long enough to be
 * promoted, and V8 looks at old objects only when they have about doubled: with reloads every 300 ms the process grew by
 * 40 MB in a minute before it did.
 */
export class HeapTidier {
  readonly #clock: Clock
  readonly #afterMs: number
  readonly #maxBytes: number
  readonly #collect: () => void
  #cancel: (() => void) | undefined

  /** `afterMs`: a reload waits this long for others to share its collection. Over `maxBytes` V8 is left alone. */
  constructor(clock: Clock, afterMs: number, maxBytes = Infinity, collect = collectOldObjects) {
    this.#clock = clock
    this.#afterMs = afterMs
    this.#maxBytes = maxBytes
    this.#collect = collect
  }

  /** There was a reload. */
  soon(): void {
    this.#cancel ??= this.#clock.after(this.#afterMs, () => {
      this.#cancel = undefined
      // Not process.memoryUsage(), which opens a file: with all descriptors in use it throws.
      if (getHeapStatistics().used_heap_size <= this.#maxBytes) this.#collect()
    })
  }

  close(): void {
    this.#cancel?.()
  }
}

/**
 * Starts a mark-compact that goes in steps and beside the thread: measuring memory needs one. The gc() of --expose-gc
 * would stop the thread for all of it, 20 to 50 ms with a small configuration.
 */
function collectOldObjects(): void {
  const { emitWarning } = process
  // It says once that it is experimental, which is no news to whoever runs lb.
  process.emitWarning = () => {}
  try {
    measureMemory({ execution: 'eager' }).catch(() => {})
  } catch {
    // A version of Node without it: the heap then breathes as V8 likes it to.
  } finally {
    process.emitWarning = emitWarning
  }
}
