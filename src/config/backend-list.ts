import { messageOf } from '../core/errors.ts'
import { z } from 'zod'
import { buildBackend } from './build/backend.ts'
import type { BackendConfig } from './model/model.ts'
import { GUESSED } from './schema/leaf/leaf.ts'
import { backendSchema } from './schema/pool/backend.ts'
import { readYaml } from './yaml/read-yaml.ts'

/** Largest number of backends in one list. */
const MAX_BACKENDS = 50_000
const list = z.array(backendSchema)

/**
 * Reads a list of backends, in YAML or JSON: as under `backends:` of a pool, by itself or with that key. A string says
 * what is wrong, in one line. Duplicate names are refused; an empty list is allowed.
 */
export function readBackendList(text: string, from: string): readonly BackendConfig[] | string {
  let value: unknown
  try {
    value = readYaml(text)
  } catch (error) {
    return `${from}: ${messageOf(error)}`
  }
  if (typeof value === 'object' && value !== null && 'backends' in value) value = value.backends
  if (!Array.isArray(value))
    return `${from} is not a list of backends; write ["10.0.0.1:8080", …] or { backends: […] }`
  if (value.length > MAX_BACKENDS)
    return `${from} lists ${value.length} backends; at most ${MAX_BACKENDS} are taken`
  const parsed = list.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return `${from}: backend ${String(issue?.path[0] ?? '')}: ${oneLine(issue?.message ?? 'is not one')}`
  }
  const backends = parsed.data.map((each) => buildBackend(each, (path) => path))
  const names = new Set<string>()
  for (const { name } of backends) {
    if (names.has(name)) return `${from}: the name ${name} is there twice`
    names.add(name)
  }
  return backends
}

/** Messages of the schema have a line for each unknown key, and a mark before what is only guessed. */
function oneLine(message: string): string {
  return message.replaceAll(GUESSED, '').replaceAll('\n', '; ')
}
