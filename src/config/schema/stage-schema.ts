import { z } from 'zod'
import { order } from '../../l7/stages/order.ts'
import { off } from './leaf/leaves.ts'

/** Keys of the stages in the table, for a listener and for a route. What they say stands in each stage's folder. */
function stageKeys(where: 'listener' | 'route'): Readonly<Record<string, z.ZodType>> {
  const shape: Record<string, z.ZodType> = {}
  for (const { keys } of order) {
    if (keys === undefined) continue
    const inherited =
      where === 'route'
        ? " Replaces the listener's, `false` turns it off."
        : ' On every route without its own.'
    // eslint-disable-next-line lb/no-text-index -- a key of the table of stages
    shape[keys.key] = z
      .union([off(), keys.schema])
      .optional()
      .describe(keys.words + inherited)
  }
  return shape
}

export const listenerStageKeys = stageKeys('listener')
export const routeStageKeys = stageKeys('route')
export const stageKeyNames: readonly string[] = Object.keys(routeStageKeys)
