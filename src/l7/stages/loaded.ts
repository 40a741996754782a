import { order, type OrderEntry } from './order.ts'
import type { CompileStage } from './stage-context.ts'

export interface LoadedStage extends OrderEntry {
  readonly compile: CompileStage<unknown>
}

/**
 * The table with the code of its stages. Apart from it, so that the configuration's schema can be built from the table
 * without loading any of them.
 */
export const stages: readonly LoadedStage[] = await Promise.all(
  order.map(async (entry) => ({ ...entry, compile: (await entry.load()).compile as CompileStage<unknown> }))
)
