import { ConcurrencyTable, type ConcurrencyBuffers } from '../../../shared/concurrency-table.ts'
import { ADAPTIVE_BYTES } from './adaptive-limit.ts'

/** What all threads share about one concurrency limit. */
export interface ConcurrencyMemory {
  readonly table: ConcurrencyBuffers
  readonly adaptive: ArrayBufferLike
}

/** The settings that decide the size of the memory. */
interface ConcurrencySize {
  readonly key: readonly { readonly kind: string }[]
  readonly maxKeys: number
}

/** Created by the main thread; `threads` includes it. */
export function allocateConcurrency(config: ConcurrencySize, threads: number): ConcurrencyMemory {
  const single = config.key.every(({ kind }) => kind === 'all' || kind === 'route')
  return {
    table: ConcurrencyTable.allocate(single ? 8 : config.maxKeys, threads),
    adaptive: new SharedArrayBuffer(ADAPTIVE_BYTES)
  }
}

/** A thread that runs no more is not called again. */
export function giveUpConcurrency(memory: ConcurrencyMemory, thread: number): void {
  new ConcurrencyTable(memory.table, 0).giveUpThread(thread)
}

/** Releases what a dead thread held. */
export function releaseConcurrency(memory: ConcurrencyMemory, thread: number): void {
  new ConcurrencyTable(memory.table, 0).releaseThread(thread)
}
