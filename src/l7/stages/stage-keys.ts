import type { z } from 'zod'
import { flag } from '../../config/schema/leaf/leaves.ts'

/** A stage's part of the configuration file. It is in the stage's folder, in `keys.ts`. */
export interface StageKeys<Schema extends z.ZodType = z.ZodType> {
  /** Built from the leaves in src/config/schema, with defaults and descriptions. */
  readonly schema: Schema
  /** One sentence for docs/config.md and editors. */
  readonly words: string
}

/** Keeps the type of the schema, for the stage's `compile`. */
export function stageKeys<Schema extends z.ZodType>(keys: StageKeys<Schema>): StageKeys<Schema> {
  return keys
}

/** For the keys of guards: `mapping({ …, ...shadowKey })`. `refuse.ts` implements it. */
export const shadowKey = {
  shadow: flag().prefault(false).describe('Only count and log what would be refused; refuse nothing.')
}

/** What every guard's keys have: shadow mode. */
export type GuardKeys = { readonly shadow: boolean } | readonly { readonly shadow: boolean }[]
