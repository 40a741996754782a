import type { Random } from '../../core/random.ts'
import type { PoolConfig } from '../../config/model/model.ts'
import type { PickContext } from '../pool/pick-context.ts'
import type { BackendTable } from '../table/table.ts'
import type { View } from '../pool/view.ts'

/**
 * How a pool picks. It ends whatever the state (no loop without a bound), allocates nothing, and returns a position
 * that `view.admits(position, context)`, or -1 when there is none.
 */
export interface Selector {
  pick(view: View, context: PickContext): number
  /** Builds in advance what the first pick would otherwise wait for, in pieces of a few milliseconds. */
  prepare?(view: View): Generator<void>
  /** The number of leases or the latency of a backend has changed. */
  changed?(view: View, position: number): void
}

export interface SelectorDeps {
  readonly config: PoolConfig
  readonly table: BackendTable
  /** Row of the pool in the table. */
  readonly pool: number
  readonly random: Random
  /** Shared memory of the pool's load tree, for algorithms that keep one. */
  readonly tree: ArrayBufferLike | undefined
}

export type Algorithm = (deps: SelectorDeps) => Selector
