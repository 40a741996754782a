/** A parsed token; nothing is verified yet. */
export interface Token {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
  /** The signed bytes. */
  readonly data: Buffer
  readonly signature: Buffer
}

const MAX_TOKEN = 16_384
const MAX_DEPTH = 32
const SHAPE = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

/** Undefined unless it is a signed token in the one canonical form: no padding, no spare bits, no duplicate keys. */
export function readToken(text: string): Token | undefined {
  if (text.length > MAX_TOKEN || !SHAPE.test(text)) return undefined
  const first = text.indexOf('.')
  const second = text.indexOf('.', first + 1)
  const header = readObject(text.slice(0, first))
  const claims = readObject(text.slice(first + 1, second))
  const signature = bytesOf(text.slice(second + 1))
  if (header === undefined || claims === undefined || signature === undefined) return undefined
  return { header, claims, data: Buffer.from(text.slice(0, second), 'latin1'), signature }
}

function bytesOf(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, 'base64url')
  return bytes.toString('base64url') === part ? bytes : undefined
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function readObject(part: string): Record<string, unknown> | undefined {
  const bytes = bytesOf(part)
  if (bytes === undefined) return undefined
  let text: string
  let value: unknown
  try {
    text = utf8.decode(bytes)
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  // Parsers differ in which of two duplicate keys they take (RFC 8725 §2.4): a token with one is invalid.
  return countKeys(value) === countWritten(text) ? (value as Record<string, unknown>) : undefined
}

/** The number of keys of all objects in a value; NaN where it is nested too deep. */
function countKeys(value: object): number {
  let count = 0
  let level: object[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return NaN
    const next: object[] = []
    for (const each of level) {
      const inner: unknown[] = Object.values(each)
      if (!Array.isArray(each)) count += inner.length
      for (const one of inner) if (typeof one === 'object' && one !== null) next.push(one)
    }
    level = next
  }
  return count
}

/** The number of keys in the text: in valid JSON a colon follows only those strings. */
function countWritten(text: string): number {
  let count = 0
  for (const [, colon] of text.matchAll(/"(?:[^"\\]|\\.)*"\s*(:)?/g)) if (colon !== undefined) count++
  return count
}
