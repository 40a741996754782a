import { isBlank } from '../../../core/latin1.ts'
/**
 * Removes white space around the values of "Name: value\r\n" lines, except the space after the colon. Lines without any
 * stay as they are.
 */
export function tidyLines(text: string): string {
  let tidy = ''
  for (let at = 0; at < text.length;) {
    const colon = text.indexOf(':', at)
    const lineEnd = text.indexOf('\r\n', colon)
    let start = colon + 1
    let end = lineEnd
    while (start < end && isBlank(text.charCodeAt(start))) start++
    while (end > start && isBlank(text.charCodeAt(end - 1))) end--
    const gap = start === colon + 1 || start === end ? '' : ' '
    tidy += `${text.slice(at, colon + 1)}${gap}${text.slice(start, end)}\r\n`
    at = lineEnd + 2
  }
  return tidy
}
