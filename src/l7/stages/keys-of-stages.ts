import { order } from './order.ts'
import type { StageKeys } from './stage-keys.ts'

/** The keys of all stages, in the order of the table. Not for workers: it loads the schema library. */
export const keysOfStages: readonly (StageKeys & { readonly key: string })[] = await Promise.all(
  order.flatMap(({ key, keys }) =>
    key === undefined || keys === undefined ? [] : [keys().then((loaded) => ({ key, ...loaded }))]
  )
)
