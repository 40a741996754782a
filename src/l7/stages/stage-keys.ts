import type { z } from 'zod'
import { flag } from '../../config/schema/leaf/leaves.ts'

/** A stage's part of the configuration file. It stands in the stage's folder, in `keys.ts`. */
export interface StageKeys<Schema extends z.ZodType = z.ZodType> {
  /** Made of the leaves in src/config/schema, with defaults and words for the documentation. */
  readonly schema: Schema
  /** One sentence for docs/config.md and editors. */
  readonly words: string
}

/** Keeps the type of the schema, which the stage's `compile` is held to. */
export function stageKeys<Schema extends z.ZodType>(keys: StageKeys<Schema>): StageKeys<Schema> {
  return keys
}

/** For the keys of guards: `mapping({ …, ...shadowKey })`. What it does stands in `refuse.ts`. */
export const shadowKey = {
  shadow: flag().prefault(false).describe('Only count and log what would be refused; nothing is.')
}

/** The part of a guard's keys that every guard has: shadow mode. */
export type GuardKeys = { readonly shadow: boolean } | readonly { readonly shadow: boolean }[]
