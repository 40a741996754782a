import { ConcurrencyTable, type ConcurrencyBuffers } from '../../../shared/concurrency-table.ts'
import { ADAPTIVE_BYTES } from './adaptive-limit.ts'

/** What all threads share of one concurrency limit. */
export interface ConcurrencyMemory {
  readonly table: ConcurrencyBuffers
  readonly adaptive: ArrayBufferLike
}

/** What the memory of a limit depends on. */
interface ConcurrencySize {
  readonly key: readonly { readonly kind: string }[]
  readonly maxKeys: number
}

/** Made in the main thread; `threads` counts that one too. */
export function allocateConcurrency(config: ConcurrencySize, threads: number): ConcurrencyMemory {
  const single = config.key.every(({ kind }) => kind === 'all' || kind === 'route')
  return {
    table: ConcurrencyTable.allocate(single ? 8 : config.maxKeys, threads),
    adaptive: new SharedArrayBuffer(ADAPTIVE_BYTES)
  }
}

/** Gives back what a thread that has died held. */
export function releaseConcurrency(memory: ConcurrencyMemory, thread: number): void {
  new ConcurrencyTable(memory.table, 0).releaseThread(thread)
}
