import { z } from 'zod'
import { rootSchema } from './root.ts'

export type JsonSchema = z.core.JSONSchema.JSONSchema

/** The JSON Schema (2020-12) of the YAML, with a description per key, for editors that complete and check. */
export function jsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(rootSchema, { io: 'input', target: 'draft-2020-12', unrepresentable: 'any' })
  const { $schema, ...rest } = allowVariables(schema)
  return {
    $schema: $schema!,
    title: 'lb: a Layer 4 and Layer 7 load balancer',
    description: 'Durations are "250ms", "10s", "5m"; sizes "64kb"; ${NAME} comes from the environment.',
    ...rest
  }
}

const VARIABLE = { type: 'string', pattern: '\\$\\{' }

/** Any scalar may be a variable: `weight: ${WEIGHT}` is text to an editor. */
function allowVariables(schema: JsonSchema): JsonSchema {
  const result: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(schema)) result[key] = allowInside(key, value)
  if (!isConstrainedScalar(schema)) return result
  const { description, default: fallback, ...keywords } = result
  return {
    ...(description !== undefined && { description }),
    ...(fallback !== undefined && { default: fallback }),
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

/** Scalars that would refuse `${NAME}`. The discriminators `mode` and `type` are to stay plain for the editor. */
function isConstrainedScalar(schema: JsonSchema): boolean {
  if (schema.type === 'integer' || schema.type === 'number' || schema.type === 'boolean') return true
  return schema.type === 'string' && (schema.pattern !== undefined || schema.enum !== undefined)
}
