import { z } from 'zod'
import { EnvText } from '../../environment/env-text.ts'
import { foreignKey } from '../../report/foreign-keys.ts'
import { keySuggestion, synonymOf } from '../../report/nearest.ts'
import { keysThatTake } from './lone.ts'

/** Why a value is refused: a whole sentence, or a cure after "expected …, got …". */
export class Refusal {
  readonly message: string | undefined
  readonly cure: string | undefined

  constructor(reason: { message?: string; cure?: string }) {
    this.message = reason.message
    this.cure = reason.cure
  }
}

/** Data in a leaf's issue for the translation into a message. */
export interface LeafIssue {
  readonly leaf: true
  readonly expected: string
  readonly sentence?: string
  readonly cure?: string
}

/** Keywords of JSON Schema that describe the input. */
export type JsonKeywords = Readonly<Record<string, unknown>>

/**
 * A schema for one value that is not a mapping or a list: a function reads it and returns the value in force (ms,
 * bytes) or a Refusal. `expected` completes the sentence "expected …, got …" and contains an example. `In` is what the
 * compiler lets one write; `read` judges what stands in a file.
 */
export function leaf<T, In = unknown>(
  expected: string,
  json: JsonKeywords,
  read: (input: unknown) => T | Refusal
): z.ZodType<T, In> {
  const schema = z
    .unknown()
    .transform((input, context): T => {
      const value = read(input)
      if (!(value instanceof Refusal)) return value
      const params: LeafIssue = {
        leaf: true,
        expected,
        ...(value.message !== undefined && { sentence: value.message }),
        ...(value.cure !== undefined && { cure: value.cure })
      }
      context.issues.push({ code: 'custom', input, message: expected, params: { ...params } })
      return z.NEVER
    })
    .meta(json)
  return schema as unknown as z.ZodType<T, In>
}

/** Keys that a mapping does not have, but explains: they are not misspellings of its keys. */
const explained = new WeakMap<object, ReadonlySet<string>>()

export function explainedKeys(definition: object): ReadonlySet<string> {
  return explained.get(definition) ?? new Set()
}

/**
 * A mapping with exactly these keys. `elsewhere` explains keys that are valid in another place only; `example` is shown
 * when the value is not a mapping; by default it is built from the first two keys.
 */
export function mapping<Shape extends z.ZodRawShape>(
  shape: Shape,
  options: {
    elsewhere?: Readonly<Record<string, string>>
    example?: string
    /** The mapping that a scalar or a list probably means, with `@` for the value as written. */
    lone?: (value: unknown) => string | undefined
    /** A hint about an unknown key. */
    unknown?: (key: string) => string | undefined
  } = {}
) {
  const { elsewhere = {}, example, lone, unknown } = options
  const known = Object.keys(shape)
  const schema: z.ZodObject<Shape, z.core.$strict> = z.strictObject(shape, {
    error(issue) {
      // Says what was expected; the translation adds what was found.
      if (issue.code === 'invalid_type') {
        const cure = isPlain(issue.input)
          ? (lone?.(issue.input) ?? keysThatTake(shape, issue.input) ?? switchCure(schema, issue.input))
          : undefined
        return `a mapping such as ${example ?? exampleOf(known)}${cure === undefined ? '' : `\n${cure}`}`
      }
      if (issue.code !== 'unrecognized_keys') return undefined
      // One line per unknown key, in the order of the issue.
      const messages = issue.keys.map((key: string) =>
        Object.hasOwn(elsewhere, key)
          ? `"${key}" ${elsewhere[key]}`
          : `unknown key "${key}"${unknown?.(key) ?? synonymOf(key, known) ?? foreignKey(key, known) ?? GUESSED + keySuggestion(key, known)}`
      )
      return messages.join('\n')
    }
  })
  explained.set(schema._zod.def, new Set(Object.keys(elsewhere)))
  return schema
}

/** Precedes a guess from the spelling only: the translation may know better, since it sees the whole schema. */
export const GUESSED = '\t'

/** A scalar, or a list of scalars; others have no text. */
function isPlain(value: unknown): boolean {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  return list.every((item) => typeof item !== 'object' || item === null || item instanceof EnvText)
}

function exampleOf(keys: readonly string[]): string {
  const shown = keys.slice(0, 2).map((key) => `${key}: …`)
  return `{ ${shown.join(', ')} }`
}

/** A list, or a single item instead of it. */
export function listOf<Item extends z.ZodType>(
  item: Item,
  { min = 0, max = 10_000 } = {}
): z.ZodType<z.output<Item>[], z.input<Item> | readonly z.input<Item>[]> {
  const schema = z
    .union([item, z.array(item).min(min).max(max)])
    .transform((value): z.output<Item>[] => (Array.isArray(value) ? (value as z.output<Item>[]) : [value]))
  return schema as unknown as z.ZodType<z.output<Item>[], z.input<Item> | readonly z.input<Item>[]>
}

/** `on` and `off`, where a mapping stands. */
function switchCure(schema: z.ZodType, value: unknown): string | undefined {
  const word = typeof value === 'boolean' ? String(value) : value
  if (typeof word !== 'string') return undefined
  if (/^(?:false|off|no|none|disabled?)$/i.test(word)) return 'take the key out'
  if (!/^(?:true|on|yes|enabled?)$/i.test(word)) return undefined
  return z.safeParse(schema, {}).success ? 'write {} for its defaults' : undefined
}
