import type { EnvText } from './environment/env-text.ts'
import type { Path } from './report/problem.ts'

/** The content of the YAML before any rule is applied. Mappings have no prototype, so no key can reach one. */
export type Raw = null | boolean | number | string | EnvText | readonly Raw[] | RawMap
export interface RawMap {
  [key: string]: Raw
}

export function isMap(value: unknown): value is RawMap {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

/** Every value that a pattern such as `['listeners', '*', 'pool']` matches; missing or malformed parts are skipped. */
export function* select(value: Raw, pattern: Path, path: Path = []): Generator<{ path: Path; value: Raw }> {
  const part = pattern[path.length]
  if (part === undefined) {
    yield { path, value }
  } else if (part !== '*') {
    if (isMap(value) && typeof part === 'string' && Object.hasOwn(value, part)) {
      yield* select(value[part]!, pattern, [...path, part])
    }
  } else if (Array.isArray(value)) {
    for (const [index, item] of (value as readonly Raw[]).entries()) {
      yield* select(item, pattern, [...path, index])
    }
  } else if (isMap(value)) {
    for (const key of Object.keys(value)) yield* select(value[key]!, pattern, [...path, key])
  }
}

/** The value at a path, or undefined. */
export function valueAt(value: Raw, path: Path): Raw | undefined {
  let current: Raw | undefined = value
  for (const part of path) {
    if (Array.isArray(current) && typeof part === 'number') current = (current as readonly Raw[])[part]
    else if (isMap(current) && Object.hasOwn(current, part)) current = current[part]
    else return undefined
  }
  return current
}
