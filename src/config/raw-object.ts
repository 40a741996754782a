import { EnvText } from './environment/env-text.ts'
import { errorAt, type Finding, type Path } from './report/problem.ts'
import type { Raw, RawMap } from './raw.ts'

/** Limits for objects from JavaScript; no configuration exceeds them. */
const MAX_DEPTH = 32

/** A copy of the caller's object, with findings for values that YAML cannot express, or that cannot be read. */
export function rawOf(value: unknown, findings: Finding[]): Raw {
  const other = otherThanObject(value)
  if (other === undefined) {
    try {
      return toRaw(value, [], findings)
    } catch (error) {
      findings.push(errorAt([], `the configuration cannot be read: ${String(error)}`))
      return null
    }
  }
  findings.push(errorAt([], `expected a configuration, { listeners: […], pools: {…} }, got ${other}`))
  return null
}

function otherThanObject(value: unknown): string | undefined {
  if (typeof value === 'string')
    return "a string; to read a file, give what `await loadConfig('lb.yaml')` returns"
  if (typeof value === 'function') return 'a function; give what it returns'
  if (value === null || typeof value !== 'object') return String(value)
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Promise) return 'a promise; await it'
  return value instanceof Map || value instanceof Set || value instanceof Date
    ? `a ${value.constructor.name}`
    : undefined
}

function toRaw(value: unknown, path: Path, findings: Finding[]): Raw {
  if (path.length > MAX_DEPTH) {
    findings.push(errorAt(path, `nested over ${MAX_DEPTH} levels deep; nothing in a configuration is`))
    return null
  }
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number' || value instanceof EnvText) return value
  if (Array.isArray(value)) return value.map((item, index) => toRaw(item, [...path, index], findings))
  if (typeof value === 'object') {
    const result = Object.create(null) as RawMap
    for (const [key, item] of Object.entries(value)) {
      if (key === '__proto__')
        findings.push(errorAt([...path, key], 'the key "__proto__" is not allowed', 'key'))
      else if (item !== undefined) result[key] = toRaw(item, [...path, key], findings)
    }
    return result
  }
  findings.push(errorAt(path, `a ${typeof value} is not allowed in a configuration`))
  return null
}
