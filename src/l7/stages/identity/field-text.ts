const PLAIN = /^[!-$&-~]([ -$&-~]*[!-$&-~])?$/

/**
 * A name as the value of a field. A name of visible ASCII characters without `%` is used as it is; otherwise the other
 * characters and `%` are percent-encoded as UTF-8, so that no two names become equal, and nothing in a name can end a
 * line.
 */
export function fieldText(text: string): string {
  if (PLAIN.test(text)) return text
  let value = ''
  for (const byte of Buffer.from(text.slice(0, 4096), 'utf8')) {
    value +=
      byte > 32 && byte < 127 && byte !== 37
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return value
}
