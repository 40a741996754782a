/** RFC 9110 §10.2.3, as a wall clock time; undefined when it is malformed. */
export function retryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,9}$/.test(value)) return now + Number(value) * 1_000
  // RFC 9110 §5.6.7: the form of asctime, which names no zone, is in GMT too.
  const at = Date.parse(/ \d{4}$/.test(value) ? `${value} GMT` : value)
  return Number.isNaN(at) ? undefined : Math.max(at, now)
}
