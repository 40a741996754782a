/** White space within a field line (OWS, RFC 9110 §5.6.3). */
export function isBlank(c: number | undefined): boolean {
  return c === 32 || c === 9
}
