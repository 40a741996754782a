import type { z } from 'zod'

/** A stage's part of the configuration file. It stands in the stage's folder, in `keys.ts`. */
export interface StageKeys<Schema extends z.ZodType = z.ZodType> {
  /** The key on a listener or a route: `queryLimit`. */
  readonly key: string
  /** Made of the leaves in src/config/schema, with defaults and words for the documentation. */
  readonly schema: Schema
  /** One sentence for docs/config.md and editors. */
  readonly words: string
}

/** Keeps the type of the schema, which the stage's `compile` is held to. */
export function stageKeys<Schema extends z.ZodType>(keys: StageKeys<Schema>): StageKeys<Schema> {
  return keys
}
