import type { HeaderBlock } from '../message/header-block.ts'

/**
 * Names that a Connection field may not take away. RFC 9110 §7.6.1 has a proxy drop what Connection names, and says
 * that fields meant for all recipients never belong there; a client that names them anyway wants something dropped
 * that lb, a proxy before it or the backend relies on, so the name is ignored and the field stays.
 */
const PROTECTED = new Set([
  'host',
  'content-length',
  'content-type',
  'content-encoding',
  'content-range',
  'content-location',
  'trailer',
  'expect',
  'range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'authorization',
  'cookie',
  'set-cookie',
  'origin',
  'cache-control',
  'pragma',
  'vary',
  'date',
  'age',
  'expires',
  'etag',
  'last-modified',
  'location',
  'max-forwards',
  'forwarded',
  'via',
  'x-real-ip',
  'x-request-id',
  'traceparent',
  'tracestate',
  'strict-transport-security'
])

/**
 * Removes the fields that Connection named. `names` is what it said beyond close, keep-alive and upgrade, in lower
 * case and comma-separated (Request.connectionNames); nearly always '', and then this costs one comparison.
 */
export function dropConnectionNamed(headers: HeaderBlock, names: string): void {
  if (names === '') return
  const dropped = new Set<string>()
  for (const part of names.split(',')) {
    const name = part.trim()
    if (mayDrop(name)) dropped.add(name)
  }
  // One walk however many there are: a head has room for thousands of names.
  const { text } = headers
  let kept = ''
  for (let at = 0; at < text.length;) {
    const next = text.indexOf('\n', at) + 1
    if (!dropped.has(text.slice(at, text.indexOf(':', at)).toLowerCase())) kept += text.slice(at, next)
    at = next
  }
  headers.text = kept
}

/** Whether a Connection field may take the field called `name` (lower case) away. */
export function mayDrop(name: string): boolean {
  return name !== '' && !PROTECTED.has(name) && !name.startsWith('x-forwarded-')
}
