const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000]
] as const

/** Milliseconds as a person writes them: 90000 is `90s`, 3600000 is `1h`. */
export function durationText(ms: number): string {
  for (const [unit, length] of UNITS) if (ms >= length && ms % length === 0) return `${ms / length}${unit}`
  return `${ms}ms`
}
