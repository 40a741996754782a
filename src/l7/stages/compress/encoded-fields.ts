import type { HeaderBlock } from '../../message/header-block.ts'

/** Digests of the unencoded bytes, and fields that promise ranges of them. */
const OF_IDENTITY: readonly string[] = [
  'accept-ranges',
  'content-digest',
  'repr-digest',
  'digest',
  'content-md5'
]

/** The trailers ("Name: value\r\n" lines) that are still true for an encoded body. */
export function encodedTrailers(trailers: string): string {
  if (trailers === '') return ''
  const lines = trailers.split('\r\n').slice(0, -1)
  const kept = lines.filter((line) => !OF_IDENTITY.includes(line.slice(0, line.indexOf(':')).toLowerCase()))
  return kept.map((line) => `${line}\r\n`).join('')
}

/** Marks the body as encoded in `coding`. */
export function markEncoded(headers: HeaderBlock, coding: string): void {
  for (const name of OF_IDENTITY) headers.remove(name)
  weakenTag(headers)
  headers.append('Content-Encoding', coding)
}

/** The tag was for the unencoded representation; the encoded one differs (RFC 9110 §8.8.3.3). */
export function weakenTag(headers: HeaderBlock): void {
  const tag = headers.first('etag')
  if (tag !== undefined && !tag.startsWith('W/')) headers.set('ETag', `W/${tag}`)
}

/** Adds a name to Vary, unless it is there. `name` in the case to write. */
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
