import { isToken } from '../../../core/latin1.ts'
/** What requests are counted by. Names of header fields are lower case. */
export type LimitKey =
  | { readonly kind: 'client-ip' | 'path' | 'route' | 'all' | 'identity' }
  | { readonly kind: 'header' | 'cookie' | 'query'; readonly name: string }

const PLAIN = ['client-ip', 'path', 'route', 'all', 'identity'] as const
const NAMED = ['header', 'cookie', 'query'] as const
const LONGEST_NAME = 128

/** Parses the form `client-ip`, `header:x-api-key`. Undefined when it is malformed. */
export function parseLimitKey(text: string): LimitKey | undefined {
  const plain = PLAIN.find((kind) => kind === text)
  if (plain !== undefined) return { kind: plain }
  const colon = text.indexOf(':')
  const kind = NAMED.find((each) => each === text.slice(0, colon))
  const name = text.slice(colon + 1)
  if (kind === undefined || name.length > LONGEST_NAME || !isToken(name)) return undefined
  return { kind, name: kind === 'header' ? name.toLowerCase() : name }
}

/** The key as it was written. */
export function limitKeyText(keys: readonly LimitKey[]): string {
  return keys.map((key) => ('name' in key ? `${key.kind}:${key.name}` : key.kind)).join(' + ')
}
