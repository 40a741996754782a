/** Cures for a value that stands where a mapping is expected; `@` is the value as it is written. */
export type LoneCure = (value: unknown) => string | undefined

/** A text that is meant as one of the mapping's keys: `redirect: /new` for `redirect: { to: /new }`. */
export function loneText(key: string, pattern = /./): LoneCure {
  return (value) =>
    typeof value === 'string' && pattern.test(value) ? `did you mean { ${key}: "@" }?` : undefined
}

export function loneNumber(key: string): LoneCure {
  return (value) => (typeof value === 'number' ? `did you mean { ${key}: @ }?` : undefined)
}

/** A list that is meant as one of the mapping's keys: `cors: [https://a.example]`. */
export function loneList(key: string): LoneCure {
  return (value) => (Array.isArray(value) ? `did you mean { ${key}: @ }?` : undefined)
}

/** `tls: true`: what to write to have it. */
export function loneTrue(cure: string): LoneCure {
  return (value) => (value === true ? cure : undefined)
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
