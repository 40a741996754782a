import { z } from 'zod'
import { keysOfStages } from '../../l7/stages/keys-of-stages.ts'
import type { StageInputs } from '../../l7/stages/order.ts'
import { off } from './leaf/leaves.ts'

type StageShape = { [Key in keyof StageInputs]: z.ZodOptional<z.ZodType<unknown, StageInputs[Key]>> }

/**
 * Keys of the stages in the table, for a listener or for a route. Their descriptions are in the folders of the stages.
 */
function stageKeys(where: 'listener' | 'route'): StageShape {
  const shape: Record<string, z.ZodType> = {}
  for (const { key, schema, words } of keysOfStages) {
    const inherited =
      where === 'route'
        ? " Replaces the listener's, `false` turns it off."
        : ' On every route without its own.'
    // eslint-disable-next-line lb/no-text-index -- a key of the table of stages
    shape[key] = z
      .union([off(), schema])
      .optional()
      .describe(words + inherited)
  }
  return shape as unknown as StageShape
}

export const listenerStageKeys = stageKeys('listener')
export const routeStageKeys = stageKeys('route')
export const stageKeyNames: readonly string[] = Object.keys(routeStageKeys)
