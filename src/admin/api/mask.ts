/** Replaces a secret. */
export const MASK = '***'

const secretKeys = /token|passw|secret|credential|private/i
const secretHeaders =
  /^(authorization|proxy-authorization|cookie|set-cookie|.*(key|token|secret|auth|passw|signature|session).*)$/i
/** Query parameters that carry credentials. */
const secretParameters = /key|token|secret|auth|pass|pw|sig|code|session|jwt/i

/**
 * A copy of the configuration that may be shown. Masked are values under keys that name a secret, all values of
 * `apiKeys.keys` and `users`, `eab.key`, what probes send, headers and query parameters with credentials (also in
 * `match`), bodies of `respond`, and passwords in URLs. `tls.key` is a path and stays.
 */
export function maskSecrets(value: unknown): unknown {
  return mask(value, [])
}

/** The same for the part of the configuration at `path`. */
export function maskAt(path: readonly string[], value: unknown): unknown {
  return mask(value, path)
}

function mask(value: unknown, path: readonly string[]): unknown {
  if (typeof value === 'string')
    return isSecret(path) && value !== '' && value !== '*' ? MASK : maskUrl(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => mask(item, path))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mask(item, [...path, key])]))
}

function isSecret(path: readonly string[]): boolean {
  const key = path.at(-1) ?? ''
  if (secretKeys.test(key)) return true
  if (path.includes('apiKeys') && path.includes('keys')) return true
  // A probe may send a login: "AUTH password" to Redis.
  if (key === 'send' && path.includes('health')) return true
  // A body may be a secret for some clients; in `action` of a route after building, in `respond` as written.
  if (key === 'body' && !path.includes('tests')) return true
  if (path.includes('query') && path.includes('match')) return secretParameters.test(key)
  if (key === 'key' && path.includes('eab')) return true
  if (key === 'users' || path.at(-2) === 'users') return true
  return path.some((part) => part.toLowerCase().includes('headers')) && secretHeaders.test(key)
}

/** Keeps everything of `redis://user:password@host` except the password. */
function maskUrl(text: string): string {
  return text
    .replace(/^([a-z][a-z0-9+.-]*:\/\/[^\s/@:]*):[^\s/@]+@/i, `$1:${MASK}@`)
    .replace(/([?&][^=&#\s]*(?:key|token|secret|passw|sig)[^=&#\s]*=)[^&#\s]+/gi, `$1${MASK}`)
}
