import { z } from 'zod'
import { own } from '../../../core/own.ts'

/** Cures for a value in a place where a mapping is expected; `@` is the value as written. */
export type LoneCure = (value: unknown) => string | undefined

/** A text that means one of the mapping's keys: `redirect: /new` for `redirect: { to: /new }`. */
export function loneText(key: string, pattern = /./): LoneCure {
  return (value) =>
    typeof value === 'string' && pattern.test(value) ? `did you mean { ${key}: "@" }?` : undefined
}

export function loneNumber(key: string): LoneCure {
  return (value) => (typeof value === 'number' ? `did you mean { ${key}: @ }?` : undefined)
}

/** A list that means one of the mapping's keys: `cors: [https://a.example]`. */
export function loneList(key: string): LoneCure {
  return (value) => (Array.isArray(value) ? `did you mean { ${key}: @ }?` : undefined)
}

/** `tls: true`: what to write to turn it on. */
export function loneTrue(cure: string): LoneCure {
  return (value) => (value === true ? cure : undefined)
}

/** A value that only unrestricted keys accept. */
const NONSENSE = '\u2603 \u2603'

/** `timeouts: 30s`: the keys of the mapping that would accept the value, as suggestions. */
export function keysThatTake(shape: z.ZodRawShape, value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  if (/^(?:on|off|yes|no|true|false|auto|default|none)$/i.test(String(value))) return undefined
  const keys = Object.keys(shape).filter((key) => {
    const schema = own(shape, key)!
    return z.safeParse(schema, value).success && !z.safeParse(schema, NONSENSE).success
  })
  if (keys.length === 0) return undefined
  const shown = JSON.stringify(value)
  const each = keys.slice(0, 4).map((key) => `{ ${key}: ${shown} }`)
  return `did you mean ${each.join(' or ')}?`
}

export function firstOf(...cures: readonly LoneCure[]): LoneCure {
  return (value) => {
    for (const cure of cures) {
      const found = cure(value)
      if (found !== undefined) return found
    }
    return undefined
  }
}
