const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&#39;']
])

/** How a client's words are escaped in a body of this media type. */
export function escapeFor(mediaType: string): (text: string) => string {
  if (/json/i.test(mediaType)) return escapeJson
  return /html|xml/i.test(mediaType) ? escapeHtml : (text) => text
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ENTITIES.get(char)!)
}

/** For the inside of a string. */
function escapeJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}
