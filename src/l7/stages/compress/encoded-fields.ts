import type { HeaderBlock } from '../../message/header-block.ts'

/** Digests of the bytes that would have gone out, and what promises ranges of them. */
const OF_IDENTITY: readonly string[] = [
  'accept-ranges',
  'content-digest',
  'repr-digest',
  'digest',
  'content-md5'
]

/** The trailers ("Name: value\r\n" lines) that stay true of a body that goes out encoded. */
export function encodedTrailers(trailers: string): string {
  if (trailers === '') return ''
  const lines = trailers.split('\r\n').slice(0, -1)
  const kept = lines.filter((line) => !OF_IDENTITY.includes(line.slice(0, line.indexOf(':')).toLowerCase()))
  return kept.map((line) => `${line}\r\n`).join('')
}

/** Says that the body goes out in `coding`. */
export function markEncoded(headers: HeaderBlock, coding: string): void {
  for (const name of OF_IDENTITY) headers.remove(name)
  weakenTag(headers)
  headers.append('Content-Encoding', coding)
}

/** The encoded bytes are another representation than the tag stood for (RFC 9110 §8.8.3.3). */
export function weakenTag(headers: HeaderBlock): void {
  const tag = headers.first('etag')
  if (tag !== undefined && !tag.startsWith('W/')) headers.set('ETag', `W/${tag}`)
}

/** Adds a name to Vary, unless it is there. `name` as it is to be written. */
export function addVary(headers: HeaderBlock, name: string): void {
  const vary = headers.get('vary')
  if (vary === undefined) {
    headers.append('Vary', name)
    return
  }
  const lower = name.toLowerCase()
  for (const named of vary.toLowerCase().split(',')) {
    const trimmed = named.trim()
    if (trimmed === lower || trimmed === '*') return
  }
  headers.set('Vary', `${vary}, ${name}`)
}
