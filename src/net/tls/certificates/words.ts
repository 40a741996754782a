/** `2027-01-31`, of a time in ms. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

/** The common name of a name as Node writes it, a part a line; without one all of it, in one line. */
export function commonNameOf(name: string): string {
  return /^CN=(.*)$/m.exec(name)?.[1] ?? name.replaceAll('\n', ', ')
}
