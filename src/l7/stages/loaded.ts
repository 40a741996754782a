import { order, type OrderEntry } from './order.ts'
import type { CompileStage } from './stage-context.ts'

export interface LoadedStage extends OrderEntry {
  readonly compile: CompileStage<unknown>
}

/**
 * The table with the code of its stages. Separate from the table, so that the configuration's schema can be built
 * without loading that code.
 */
export const stages: readonly LoadedStage[] = await Promise.all(
  order.map(async (entry) => ({ ...entry, compile: (await entry.load()).compile as CompileStage<unknown> }))
)
