/** Printable ASCII without quote and backslash: what JSON takes as it is. */
const PLAIN = /^[ !#-[\]-~]*$/
const BEYOND_ASCII = /[^\x00-\x7f]/g

/** `text` as a JSON string in ASCII: without JSON.stringify where nothing is to be escaped, which is nearly always. */
export function jsonText(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : asciiJson(JSON.stringify(text))
}

/** The same JSON with everything beyond ASCII escaped: each character is then one byte, and no encoding is needed. */
export function asciiJson(json: string): string {
  return json.replace(BEYOND_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
