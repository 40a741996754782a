import type { z } from 'zod'
import { explainedKeys } from './leaf.ts'

/** The form of a file, derived from a schema: which keys hold lists, and which hold mappings by name. */
export interface Shape {
  /** Shape of an item, where a list is allowed; a single item may be written instead of the list. */
  readonly item: Shape | undefined
  /** Whether a scalar may be a single item; not where the schema has a scalar of its own, such as `false`. */
  readonly loneScalar: boolean
  readonly keys: ReadonlyMap<string, Shape>
  /** Keys that belong elsewhere and are explained by the schema. */
  readonly explained: ReadonlySet<string>
  /** Shape of each value of a mapping by name. */
  readonly values: Shape | undefined
}

interface Draft {
  item: Shape | undefined
  loneScalar: boolean
  keys: Map<string, Shape>
  explained: ReadonlySet<string>
  values: Shape | undefined
}

type Schema = z.core.$ZodType
type Def = z.core.$ZodTypeDef & {
  readonly innerType?: Schema
  readonly in?: Schema
  readonly options?: readonly Schema[]
  readonly shape?: Readonly<Record<string, Schema>>
  readonly valueType?: Schema
  readonly element?: Schema
  readonly getter?: () => Schema
}

const shapes = new WeakMap<Schema, Shape>()

/** Computed once per schema. A recursive schema has a recursive shape. */
export function shapeOf(schema: Schema): Shape {
  const known = shapes.get(schema)
  if (known !== undefined) return known
  const draft: Draft = {
    item: undefined,
    loneScalar: true,
    keys: new Map(),
    explained: new Set(),
    values: undefined
  }
  shapes.set(schema, draft)
  addTo(draft, schema, new Set())
  return draft
}

function addTo(draft: Draft, schema: Schema, seen: Set<Schema>): void {
  if (seen.has(schema)) return
  seen.add(schema)
  const def = schema._zod.def as Def
  switch (def.type) {
    case 'object':
      for (const [key, inner] of Object.entries(def.shape ?? {})) addKey(draft, key, shapeOf(inner))
      draft.explained = new Set([...draft.explained, ...explainedKeys(def)])
      return
    case 'record':
      draft.values ??= shapeOf(def.valueType!)
      return
    case 'array':
      draft.item ??= shapeOf(def.element!)
      return
    case 'union': {
      const options = def.options ?? []
      // Created by listOf: a single item is read as a list.
      if (isLoneOrList(options)) return addTo(draft, options[1]!, seen)
      for (const option of options) addTo(draft, option, seen)
      if (options.some(isList)) draft.loneScalar = false
      return
    }
    case 'lazy':
      addTo(draft, def.getter!(), seen)
      return
    default: {
      const inner = def.innerType ?? def.in
      if (inner !== undefined) addTo(draft, inner, seen)
    }
  }
}

/** `mode: l4` and `mode: l7` share keys; for a shared key the shapes are merged. */
function addKey(draft: Draft, key: string, shape: Shape): void {
  const before = draft.keys.get(key)
  if (before === undefined || before === shape) {
    draft.keys.set(key, shape)
    return
  }
  draft.keys.set(key, {
    item: before.item ?? shape.item,
    loneScalar: before.loneScalar && shape.loneScalar,
    keys: new Map([...shape.keys, ...before.keys]),
    explained: new Set([...before.explained, ...shape.explained]),
    values: before.values ?? shape.values
  })
}

function isLoneOrList(options: readonly Schema[]): boolean {
  const [lone, list] = options
  return options.length === 2 && (list!._zod.def as Def).element === lone
}

function isList(schema: Schema): boolean {
  const def = schema._zod.def as Def
  if (def.type === 'array') return true
  if (def.type === 'union') return (def.options ?? []).some(isList)
  const inner = def.innerType ?? def.in
  return inner !== undefined && isList(inner)
}
