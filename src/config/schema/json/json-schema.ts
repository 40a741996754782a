/* eslint-disable lb/no-text-index -- JSON Schema that is made of our own */
import { z } from 'zod'
import { extractDefinitions, type JsonSchema } from './json-definitions.ts'
import type { PluginShape } from '../../plugins/plugin-shape.ts'
import { isPluginSettings } from '../plugin-keys.ts'
import { rootSchema } from '../root.ts'

/** The JSON Schema (2020-12) of the YAML, with a description per key, for editors; includes the keys of plugins. */
export function jsonSchema(plugins: readonly PluginShape[] = []): JsonSchema {
  const { $defs, ...rest } = extractDefinitions(inlineJsonSchema(plugins), {
    // Any scalar may be a variable: to an editor `weight: ${WEIGHT}` is text.
    variable: VARIABLE
  })
  return { ...rest, $defs: { ...$defs } } as JsonSchema
}

/** The same with everything written in place. */
export function inlineJsonSchema(plugins: readonly PluginShape[] = []): JsonSchema {
  const schema = z.toJSONSchema(rootSchema, {
    io: 'input',
    target: 'draft-2020-12',
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }) {
      // Omitted where a value is transformed; these are examples of the input.
      const examples = z.globalRegistry.get(zodSchema)?.examples
      if (Array.isArray(examples)) jsonSchema.examples = examples as unknown[]
      if (plugins.length > 0 && isPluginSettings(zodSchema)) Object.assign(jsonSchema, settingsOf(plugins))
    }
  })
  const { $schema, ...rest } = allowVariables(schema)
  const { properties, ...others } = rest
  return {
    $schema: $schema!,
    title: 'lb: a Layer 4 and Layer 7 load balancer',
    description: 'Durations are "250ms", "10s", "5m"; sizes "64kb"; ${NAME} comes from the environment.',
    ...others,
    // Keys for anchors; lb ignores them.
    patternProperties: { '^x-': {} },
    properties
  } as JsonSchema
}

/** Replaces a mapping from any name to any value. */
function settingsOf(plugins: readonly PluginShape[]): JsonSchema {
  const properties = plugins.map(({ name, words, keys }) => {
    const own = keys === undefined ? {} : z.toJSONSchema(keys, { io: 'input', unrepresentable: 'any' })
    const { $schema: _, ...schema } = own as JsonSchema
    const described = { ...(words !== undefined && { description: words }) }
    const turned: JsonSchema = { type: 'boolean' }
    return [
      name,
      keys === undefined ? { ...described, ...turned } : { ...described, anyOf: [turned, schema] }
    ]
  })
  return {
    propertyNames: undefined,
    properties: Object.fromEntries(properties) as Record<string, JsonSchema>,
    additionalProperties: false
  } as JsonSchema
}

const VARIABLE: JsonSchema = { title: 'a variable', type: 'string', pattern: '\\$\\{' }

function allowVariables(schema: JsonSchema): JsonSchema {
  const result: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(schema)) result[key] = allowInside(key, value)
  if (!isConstrainedScalar(schema)) return result
  const { description, default: fallback, examples, ...keywords } = result
  return {
    ...(description !== undefined && { description }),
    ...(fallback !== undefined && { default: fallback }),
    ...(examples !== undefined && { examples }),
    anyOf: [keywords, VARIABLE]
  } as JsonSchema
}

function allowInside(key: string, value: unknown): unknown {
  if (key === 'properties') {
    const properties = Object.entries(value as Record<string, JsonSchema>)
    return Object.fromEntries(properties.map(([name, inner]) => [name, allowVariables(inner)]))
  }
  if (key === 'anyOf' || key === 'oneOf') return (value as JsonSchema[]).map(allowVariables)
  if (key === 'items' || key === 'additionalProperties') {
    return typeof value === 'object' ? allowVariables(value as JsonSchema) : value
  }
  return value
}

/** Scalars that would refuse `${NAME}`. The discriminators `mode` and `type` stay plain for editors. */
function isConstrainedScalar(schema: JsonSchema): boolean {
  if (schema.type === 'integer' || schema.type === 'number' || schema.type === 'boolean') return true
  return schema.type === 'string' && (schema.pattern !== undefined || schema.enum !== undefined)
}
