/** Printable ASCII without quote and backslash: what JSON takes as it is. */
const PLAIN = /^[ !#-[\]-~]*$/

/** `text` as a JSON string: without JSON.stringify where nothing is to be escaped, which is nearly always. */
export function jsonText(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text)
}
